#include "millrace/loader/sample_maker.h"

#include <utility>

namespace millrace {

SampleMaker::SampleMaker(const Columns& columns, DecodedImages& decoded) : decoded_(decoded) {
  columns_.reserve(columns.size());
  for (const auto& [name, column] : columns) {
    columns_.push_back({name, column.transform->make_sharing_writer(decoded_),
                        column.transform->output().slot_bytes()});
  }
}

void SampleMaker::prepare(std::span<const SampleFields* const> samples, StageTimes& times) {
  for (std::size_t column = 0; column < columns_.size(); ++column) {
    for (const SampleFields* sample : samples) {
      columns_[column].writer->announce(sample->of(column), sample->draw());
    }
  }
  // A sample by itself is decoded when its turn comes: what is before it may be bad.
  if (samples.size() > 1) decoded_.decode_announced(times);
}

Result<void> SampleMaker::write(std::size_t column, const SampleFields& sample,
                                std::span<std::byte> slot, StageTimes& times) {
  Maker& maker = columns_[column];
  Result<void> written = maker.writer->write(sample.of(column), slot, sample.draw(), times);
  if (!written) written.error().message = maker.name + ": " + written.error().message;
  return written;
}

}  // namespace millrace
