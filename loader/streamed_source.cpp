#include <utility>

#include "millrace/formats/brace_expansion.h"
#include "millrace/formats/shard_format.h"
#include "millrace/formats/shard_spec.h"
#include "millrace/formats/streams/byte_stream.h"
#include "millrace/loader/loader.h"
#include "millrace/loader/permutation.h"
#include "millrace/loader/sample_source.h"
#include "millrace/loader/stream_epoch.h"

namespace millrace {

namespace {

constexpr std::size_t kMostStreams = 10'000'000;
// Where the window is given in samples only. Several blocks are in memory at once.
constexpr std::uint64_t kBlockBytes = std::uint64_t{256} << 20;

// A command is shell text: nothing in it is expanded but its braces.
std::vector<std::string> expand(const std::vector<std::string>& sources) {
  std::vector<std::string> specs;
  for (const std::string& source : sources) {
    auto expanded = Result<std::vector<std::string>>(std::vector<std::string>{source});
    if (source.starts_with(ByteStream::kCommandPrefix)) {
      expanded = expand_braces(source, kMostStreams);
    } else if (source != ByteStream::kStandardInput) {
      expanded = expand_shard_specs({&source, 1});
    }
    if (!expanded) throw LoaderError(std::move(expanded.error()));
    specs.insert(specs.end(), expanded->begin(), expanded->end());
  }
  return specs;
}

// Only a tar can be read from its beginning on, without looking at all of it before.
void require_tars(const std::vector<std::string>& specs) {
  for (const std::string& spec : specs) {
    if (spec.starts_with(ByteStream::kCommandPrefix)) continue;
    const std::string_view format = format_by_name(spec);
    if (format.empty() || format == "tar") continue;
    throw std::invalid_argument("sources: \"" + spec + "\" is " + std::string(format) +
                                ", and streams are tar only; without streaming it can be read");
  }
}

// Of the names, in order; a file may move to another folder.
std::uint64_t hash_of(const std::vector<std::string>& specs) {
  std::uint64_t hash = specs.size();
  for (const std::string& spec : specs) {
    std::string_view name = spec;
    if (!name.starts_with(ByteStream::kCommandPrefix)) name.remove_prefix(name.rfind('/') + 1);
    for (const char c : name) hash = mix(hash, static_cast<unsigned char>(c));
    hash = mix(hash, 256);
  }
  return hash;
}

class StreamedSource final : public SampleSource {
 public:
  explicit StreamedSource(const LoaderOptions& options)
      : options_(options),
        specs_(expand(options.sources)),
        reader_(specs_, stream_options(options), limits(options)) {
    require_tars(specs_);
    accounts_.push_back({options.all_sources().front().name, specs_.size(),
                         [this](std::size_t stream) { return specs_[stream]; }});
  }

  const std::vector<AccountedSource>& accounts() const override { return accounts_; }
  Fingerprint fingerprint() const override {
    return make_fingerprint(
        options_, {{accounts_.front().name, specs_.size(), std::nullopt, "", hash_of(specs_)}}, {});
  }
  std::optional<std::uint64_t> batches() const override { return std::nullopt; }
  std::optional<std::uint64_t> samples() const override { return std::nullopt; }

  std::unique_ptr<EpochSamples> begin(std::uint64_t epoch, const ResumePoint& point) override {
    return stream_samples(reader_, options_, epoch, point);
  }

  void save(LoaderState& /*state*/) const override {}

  void load(const LoaderState& state) override {
    const ResumePoint& point = state.point;
    const bool fits = point.in_stream ? point.in_stream->stream < specs_.size() &&
                                            point.in_stream->samples_before <= point.position
                                      : point.position == 0;
    if (!fits) throw std::invalid_argument(R"(state: "stream" does not fit "position")");
  }

 private:
  static ShardStreamOptions stream_options(const LoaderOptions& options) {
    ShardStreamOptions stream;
    stream.allow_commands = options.allow_commands;
    return stream;
  }
  static BlockReader::Limits limits(const LoaderOptions& options) {
    const std::uint64_t bytes = options.shuffle_window_bytes;
    return {options.shuffle_window, bytes > 0 ? bytes : kBlockBytes};
  }

  const LoaderOptions& options_;
  std::vector<std::string> specs_;
  BlockReader reader_;
  std::vector<AccountedSource> accounts_;
};

}  // namespace

std::unique_ptr<SampleSource> streamed_source(const LoaderOptions& options) {
  return std::make_unique<StreamedSource>(options);
}

}  // namespace millrace
