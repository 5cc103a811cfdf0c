#include "millrace/loader/batch.h"

#include <stdexcept>

namespace millrace {

const BatchColumn& Batch::operator[](std::string_view name) const {
  std::string names;
  for (const BatchColumn& column : columns) {
    if (column.name == name) return column;
    names += names.empty() ? "" : ", ";
    names += column.name;
  }
  throw std::out_of_range("the batch has no column \"" + std::string(name) + "\"; it has " + names);
}

void Batch::check_dtype(const BatchColumn& column, Dtype dtype) {
  if (column.spec->dtype == dtype && dtype != Dtype::bytes) return;
  throw std::invalid_argument("column \"" + std::string(column.name) + "\" is " +
                              std::string(dtype_name(column.spec->dtype)));
}

}  // namespace millrace
