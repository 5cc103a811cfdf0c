#include "reader_contract.h"

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <map>
#include <memory>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "in_turn.h"
#include "millrace/formats/index/shard_catalog.h"
#include "millrace/formats/shard.h"
#include "millrace/formats/shard_listing.h"
#include "reference_data.h"
#include "sanitized_build.h"
#include "scratch_folder.h"

namespace millrace::test {

namespace {

struct Copy {
  std::string key;
  std::map<std::string, std::string> fields;
  std::uint64_t offset = 0;

  bool operator==(const Copy&) const = default;
};

Copy copy_of(const Sample& sample) {
  Copy copy{std::string(sample.key()), {}, sample.begin_bytes()};
  for (const Field& field : sample.fields()) {
    copy.fields.emplace(field.name, std::string(field.data.begin(), field.data.end()));
  }
  return copy;
}

using OpenShards = std::vector<std::shared_ptr<const Shard>>;

// All that reading a dataset gives, or the error that opening it is.
struct Reading {
  std::vector<Copy> samples;
  std::vector<Error> errors;
};

Result<OpenShards> open_all(const Specimen& specimen) {
  const auto paths = list_shards(specimen.path, specimen.options);
  if (!paths) return tl::unexpected<Error>(paths.error());
  OpenShards shards;
  for (const std::string& path : *paths) {
    auto shard = open_shard(path, specimen.options);
    if (!shard) return tl::unexpected<Error>(shard.error());
    shards.push_back(std::move(*shard));
  }
  return shards;
}

Reading read_all(const OpenShards& shards) {
  Reading reading;
  Sample sample;
  for (const auto& shard : shards) {
    const auto index = shard->index();
    if (!index) {
      reading.errors.push_back(index.error());
      continue;
    }
    CHECK(std::is_sorted(index->sample_offsets.begin(), index->sample_offsets.end()));
    CHECK(std::adjacent_find(index->sample_offsets.begin(), index->sample_offsets.end()) ==
          index->sample_offsets.end());
    CHECK(index->damaged <= index->sample_offsets.size());
    for (const std::uint64_t offset : index->sample_offsets) {
      if (const auto read = shard->read(offset, sample); read) {
        CHECK(sample.shard() == shard->name());
        reading.samples.push_back(copy_of(sample));
      } else {
        reading.errors.push_back(read.error());
      }
    }
  }
  return reading;
}

Result<Reading> read_all(const Specimen& specimen) {
  const auto shards = open_all(specimen);
  if (!shards) return tl::unexpected<Error>(shards.error());
  return read_all(*shards);
}

// By shard: what epochs are planned by.
std::vector<std::uint64_t> unpacked_bytes_of(const Specimen& specimen) {
  const auto shards = open_all(specimen);
  REQUIRE(shards);
  std::vector<std::uint64_t> bytes;
  for (const auto& shard : *shards) bytes.push_back(shard->whole_unpacked_bytes());
  return bytes;
}

// Where the entries of all shards are, in order.
using Places = std::vector<std::pair<const Shard*, std::uint64_t>>;

Places places_of(const OpenShards& shards) {
  Places places;
  for (const auto& shard : shards) {
    const auto index = shard->index();
    REQUIRE(index);
    for (const std::uint64_t offset : index->sample_offsets) {
      places.emplace_back(shard.get(), offset);
    }
  }
  return places;
}

Reading whole(const Specimen& specimen) {
  auto reading = read_all(specimen);
  REQUIRE_MESSAGE(reading, (reading ? "" : reading.error().to_string()));
  REQUIRE_MESSAGE(reading->errors.empty(),
                  (reading->errors.empty() ? "" : reading->errors.front().to_string()));
  REQUIRE(reading->samples.size() == specimen.samples);
  for (const Copy& sample : reading->samples) {
    CHECK_FALSE(sample.key.empty());
    CHECK_FALSE(sample.fields.empty());
  }
  return std::move(*reading);
}

// Whether a sample that an early end left is part of what the whole file has.
bool is_part(const Copy& part, const Copy& whole_sample) {
  return part.key == whole_sample.key &&
         std::includes(whole_sample.fields.begin(), whole_sample.fields.end(), part.fields.begin(),
                       part.fields.end());
}

void check_cut(const Specimen& specimen, const Reading& all, const std::string& bytes,
               std::size_t length) {
  CAPTURE(length);
  const auto cut = read_all(specimen);
  if (!cut) {
    CHECK(cut.error().to_string().find(
              std::filesystem::path(specimen.file).stem().stem().string()) != std::string::npos);
    return;
  }
  const bool may_end = specimen.may_end && specimen.may_end(bytes, length);
  const std::size_t samples = cut->samples.size();
  REQUIRE(samples <= all.samples.size());
  for (std::size_t i = 0; i + 1 < samples; ++i) CHECK(cut->samples[i] == all.samples[i]);
  if (samples > 0 && !(may_end && specimen.last_may_differ)) {
    CHECK(is_part(cut->samples.back(), all.samples[samples - 1]));
    // Fields may only be missing where the loss is reported.
    if (cut->errors.empty()) CHECK(cut->samples.back() == all.samples[samples - 1]);
  }
  if (samples < all.samples.size() && !may_end) CHECK_FALSE(cut->errors.empty());
  for (const Error& error : cut->errors) {
    CHECK_FALSE(error.shard.empty());
    CHECK(error.offset_bytes != Error::kNoOffset);
    CHECK_FALSE(error.message.empty());
  }
}

}  // namespace

void check_random_access(const Specimen& specimen) {
  const Reading all = whole(specimen);
  const auto shards = open_all(specimen);
  REQUIRE(shards);
  const Places places = places_of(*shards);
  REQUIRE(places.size() == all.samples.size());
  std::mt19937 random(7);
  Sample again;
  for (int round = 0; round < 200; ++round) {
    const std::size_t at = random() % places.size();
    const auto [shard, offset] = places[at];
    const Shard& open = *shard;
    Sample fresh;
    REQUIRE(open.read(offset, round % 2 == 0 ? again : fresh));
    CHECK(copy_of(round % 2 == 0 ? again : fresh) == all.samples[at]);
    open.will_need(offset, at + 1 < places.size() && places[at + 1].first == shard
                               ? places[at + 1].second
                               : open.source().bytes().size());
    open.done_with(round % 2 == 0 ? again : fresh);
  }
}

void check_threads(const Specimen& specimen) {
  const Reading all = whole(specimen);
  const auto shards = open_all(specimen);
  REQUIRE(shards);
  const Places places = places_of(*shards);
  REQUIRE(places.size() == all.samples.size());
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      Sample sample;
      for (int round = 0; round < 5; ++round) {
        for (std::size_t at = 0; at < places.size(); ++at) {
          const auto& [shard, offset] = places[at];
          const bool right =
              shard->read(offset, sample).has_value() && copy_of(sample) == all.samples[at];
          if (!right) ++wrong;
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == 0);
}

void check_truncation(const Specimen& specimen) {
  if (specimen.file.empty()) return;
  const Reading all = whole(specimen);
  const std::vector<unsigned char> content = read_file(specimen.file);
  const std::string bytes(content.begin(), content.end());
  for (std::size_t length = 0; length < bytes.size(); length += 2 * kSanitizedStride - 1) {
    // By renaming, as a file that is mapped must be replaced.
    write_file(specimen.file + ".new", bytes.substr(0, length));
    std::filesystem::rename(specimen.file + ".new", specimen.file);
    check_cut(specimen, all, bytes, length);
  }
  write_file(specimen.file + ".new", bytes);
  std::filesystem::rename(specimen.file + ".new", specimen.file);
  CHECK(read_all(specimen)->samples == all.samples);
}

void check_index(const Specimen& specimen) {
  const Reading all = whole(specimen);
  const ScratchFolder cache;
  CatalogOptions options;
  options.cache_folder = cache.path("cache");
  options.read = specimen.options;
  options.metadata = {"__key__"};
  for (int opening = 0; opening < 2; ++opening) {  // made, then served
    CAPTURE(opening);
    const auto catalog = ShardCatalog::open({specimen.path}, options, in_turn);
    REQUIRE_MESSAGE(catalog, (catalog ? "" : catalog.error().to_string()));
    std::size_t at = 0;
    for (std::size_t i = 0; i < (*catalog)->shards(); ++i) {
      const auto shard = open_shard((*catalog)->path(i), specimen.options);
      REQUIRE(shard);
      const auto offsets = (*catalog)->sample_offsets(i, **shard);
      REQUIRE_MESSAGE(offsets, (offsets ? "" : offsets.error().to_string()));
      CHECK((*catalog)->samples(i) == offsets->size());
      CHECK(((*catalog)->unpacked_bytes(i) > 0) == ((*shard)->unpacked_bytes() > 0));
      const auto hashes = (*catalog)->key_hashes(i);
      REQUIRE(hashes);
      Sample sample;
      for (std::size_t j = 0; j < offsets->size(); ++j, ++at) {
        REQUIRE((*shard)->read((*offsets)[j], sample));
        REQUIRE(at < all.samples.size());
        CHECK(copy_of(sample) == all.samples[at]);
        CHECK((*hashes)[j] == key_hash(sample.key()));
      }
    }
    CHECK(at == all.samples.size());
  }
}

void check_projection(const Specimen& specimen) {
  const Reading all = whole(specimen);
  const std::vector<std::uint64_t> unpacked_bytes = unpacked_bytes_of(specimen);
  for (const auto& wanted : all.samples.front().fields) {
    const std::string& name = wanted.first;
    CAPTURE(name);
    Specimen narrow = specimen;
    narrow.options.fields = std::vector<std::string>{name};
    CHECK(unpacked_bytes_of(narrow) == unpacked_bytes);
    const auto reading = read_all(narrow);
    REQUIRE(reading);
    REQUIRE(reading->samples.size() == all.samples.size());
    for (std::size_t i = 0; i < all.samples.size(); ++i) {
      const auto in_whole = all.samples[i].fields.find(name);
      if (in_whole == all.samples[i].fields.end()) continue;
      const auto found = reading->samples[i].fields.find(name);
      REQUIRE(found != reading->samples[i].fields.end());
      CHECK(found->second == in_whole->second);
      CHECK(reading->samples[i].key == all.samples[i].key);
      CHECK(is_part(reading->samples[i], all.samples[i]));
    }
  }
}

void check_contract(const Specimen& specimen) {
  CAPTURE(specimen.format);
  SUBCASE("seek equals continue, in any order") { check_random_access(specimen); }
  SUBCASE("any number of threads reads the same") { check_threads(specimen); }
  SUBCASE("an early end is never silent") { check_truncation(specimen); }
  SUBCASE("an index has what a walk finds") { check_index(specimen); }
  SUBCASE("only what is asked for is read") { check_projection(specimen); }
}

}  // namespace millrace::test
