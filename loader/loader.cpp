#include "millrace/loader/loader.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "millrace/loader/pipeline-inl.h"

namespace millrace {

namespace {

std::uint64_t known(std::optional<std::uint64_t> length) {
  if (length) return *length;
  throw std::logic_error("the length of a stream is not known before its end");
}

}  // namespace

Loader::Loader(LoaderOptions options, BatchAllocator allocator) {
  options.validate();
  pipeline_ = std::make_unique<Pipeline>(std::move(options), std::move(allocator));
}

Loader::~Loader() {
  // After a fork the child has the object but not its threads: joining them would wait for ever.
  if (!pipeline_->in_own_process()) static_cast<void>(pipeline_.release());
}

std::optional<Batch> Loader::next() { return pipeline_->take(std::nullopt).batch; }

Loader::Taken Loader::next_within(double seconds) {
  constexpr double kLongest = 1e8;  // three years; beyond, the clock's range ends
  seconds = seconds < kLongest ? std::max(seconds, 0.0) : kLongest;
  const auto patience = std::chrono::duration_cast<std::chrono::steady_clock::duration>(
      std::chrono::duration<double>(seconds));
  return pipeline_->take(std::chrono::steady_clock::now() + patience);
}

void Loader::start_epoch() { pipeline_->start_epoch(); }
void Loader::set_epoch(std::uint64_t epoch) { pipeline_->set_epoch(epoch); }
std::uint64_t Loader::epoch() const { return pipeline_->epoch(); }
std::uint64_t Loader::batches() const { return known(pipeline_->source().batches()); }
std::uint64_t Loader::samples() const { return known(pipeline_->source().samples()); }
bool Loader::length_is_known() const { return pipeline_->source().samples().has_value(); }
std::string Loader::state() const { return pipeline_->state(); }
void Loader::load_state(const std::string& state, const ResumeOptions& options) {
  pipeline_->load_state(state, options);
}
Ledger Loader::ledger(bool with_shards) const { return pipeline_->ledger(with_shards); }
Statistics Loader::stats() const { return pipeline_->stats(); }
const LoaderOptions& Loader::options() const { return pipeline_->options(); }
const OutputSpec& Loader::spec(std::size_t index) const { return pipeline_->spec(index); }

}  // namespace millrace
