#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json.hpp>

namespace millrace {

/// A JSON object of options that is read key by key. Whatever is not as asked for is
/// std::invalid_argument, which names the place and what must be there.
class JsonObject {
 public:
  /// `value` must outlive it. `place` is how messages call it, `columns.image`; empty: the options.
  JsonObject(const boost::json::value& value, std::string place);

  /// Refuses any key that is in neither list, naming the nearest known one.
  void allow_only(std::initializer_list<std::string_view> known,
                  std::span<const std::string_view> more = {}) const;

  /// Null where there is none.
  const boost::json::value* find(std::string_view key) const { return object_->if_contains(key); }
  bool has(std::string_view key) const { return find(key) != nullptr; }
  const boost::json::object& object() const { return *object_; }
  std::string place(std::string_view key) const;
  /// The object at `key`, which must be there.
  JsonObject at(std::string_view key) const;

  std::string text(std::string_view key) const;
  std::uint64_t number(std::string_view key) const;
  /// A list of whole numbers, which must be there.
  std::vector<std::uint64_t> numbers(std::string_view key) const;
  /// A list of strings, or one string; empty where there is none.
  std::vector<std::string> texts(std::string_view key) const;
  /// A number that is an int in the interfaces; `otherwise` where there is none.
  int small_int(std::string_view key, int otherwise) const;
  /// The same where it must be there.
  int small_int(std::string_view key) const;

  // Leave `to` as it is where there is none.
  void read(std::string_view key, std::uint64_t& to) const;
  void read(std::string_view key, double& to) const;
  void read(std::string_view key, bool& to) const;
  void read(std::string_view key, std::string& to) const;

  [[noreturn]] void wrong(std::string_view key, const std::string& wanted) const;

 private:
  std::string place_;
  const boost::json::object* object_;
};

}  // namespace millrace
