#include "millrace/loader/sample_fields.h"

#include <utility>

namespace millrace {

SampleFields::SampleFields(const Columns& columns) {
  columns_.reserve(columns.size());
  for (const auto& [name, column] : columns) {
    Reader& reader = columns_.emplace_back();
    reader.name = name;
    if (column.captions) {
      reader.captions.emplace(column);
    } else {
      reader.selector.emplace(column.fields);
    }
  }
}

Result<void> SampleFields::select(const Sample& sample, const SlotUse& use) {
  captions_dropped_ = 0;
  draw_ = use.draw;
  for (Reader& column : columns_) {
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

}  // namespace millrace
