#include "millrace/loader/sample_maker.h"

#include <utility>

namespace millrace {

SampleMaker::SampleMaker(const Columns& columns) : decoded_(std::make_unique<DecodedImages>()) {
  columns_.reserve(columns.size());
  for (const auto& [name, column] : columns) {
    Maker& maker = columns_.emplace_back();
    maker.name = name;
    if (column.captions) {
      maker.captions.emplace(column);
    } else {
      maker.selector.emplace(column.fields);
    }
    maker.writer = column.transform->make_sharing_writer(*decoded_);
    maker.slot_bytes = column.transform->output().slot_bytes();
  }
}

Result<void> SampleMaker::select(const Sample& sample, const SlotUse& use) {
  captions_dropped_ = 0;
  draw_ = use.draw;
  decoded_->forget();
  for (Maker& column : columns_) {
    if (!column.captions) {
      auto field = column.selector->select(sample, column.scratch);
      if (!field) return tl::unexpected<Error>(std::move(field.error()));
      column.field = *field;
      continue;
    }
    auto chosen = column.captions->choose(sample, use.draw, use.part);
    if (!chosen) {
      if (chosen.error().reason == Reason::bad_text) {
        chosen.error().message = column.name + ": " + chosen.error().message;
      }
      return tl::unexpected<Error>(std::move(chosen.error()));
    }
    column.field = chosen->text;
    captions_dropped_ += chosen->dropped;
  }
  return {};
}

Result<void> SampleMaker::write(std::size_t column, std::span<std::byte> slot, StageTimes& times) {
  Maker& maker = columns_[column];
  Result<void> written = maker.writer->write(maker.field, slot, draw_, times);
  if (!written) written.error().message = maker.name + ": " + written.error().message;
  return written;
}

}  // namespace millrace
