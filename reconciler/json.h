#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "reconciler/result.h"

// A JSON value: what manifests become after parsing, what request bodies and answers are made of. A
// plain value type, safe to copy and to share between threads once built. Parsing and number
// formatting are RapidJSON's. Invariants: (1) members of an object keep the order in which they
// were set; (2) a key stands once; (3) reading what is absent or of another type gives the empty
// value, so that decoders of foreign answers need no checks at each level.
namespace fairlead {

class Json {
 public:
  using Array = std::vector<Json>;
  using Members = std::vector<std::pair<std::string, Json>>;

  Json() = default;
  Json(std::nullptr_t) {}                                        // NOLINT
  Json(bool value) : value_(value) {}                            // NOLINT
  Json(int value) : value_(static_cast<std::int64_t>(value)) {}  // NOLINT
  Json(std::int64_t value) : value_(value) {}                    // NOLINT
  Json(double value) : value_(value) {}                          // NOLINT
  Json(const char* value) : value_(std::string(value)) {}        // NOLINT
  Json(std::string value) : value_(std::move(value)) {}          // NOLINT
  Json(std::string_view value) : value_(std::string(value)) {}   // NOLINT
  Json(const std::vector<std::string>& values);                  // NOLINT

  static Json object(std::initializer_list<std::pair<std::string, Json>> members = {});
  // The same of many; of members with the same key the last one counts.
  static Json object_of(Members members);
  static Json array(Array items = {});

  // Whether a member is to be kept, by the key of the object that it is in ("" for an item of an
  // array, and outermost) and by its own.
  using Keep = std::function<bool(std::string_view parent, std::string_view key)>;

  // With `keep` other members are read and not kept: of a long text little stands in memory.
  // Errors: invalid, with the offset of the first byte that is not JSON. Depth is limited to 128.
  static Result<Json> parse(std::string_view text, const Keep& keep = nullptr);
  // The same, but the items of an outermost array are handed on one by one and not kept: a list of
  // thousands of objects never stands in memory as a whole. Where there is an error, items before
  // it have been handed on. Anything but an array has no items.
  static Result<void> parse_items(std::string_view text,
                                  const std::function<void(const Json&)>& item);

  bool is_null() const { return std::holds_alternative<std::nullptr_t>(value_); }
  bool is_bool() const { return std::holds_alternative<bool>(value_); }
  bool is_int() const { return std::holds_alternative<std::int64_t>(value_); }
  bool is_number() const { return is_int() || std::holds_alternative<double>(value_); }
  bool is_string() const { return std::holds_alternative<std::string>(value_); }
  bool is_array() const { return std::holds_alternative<Array>(value_); }
  bool is_object() const { return std::holds_alternative<Members>(value_); }

  bool as_bool(bool otherwise = false) const;
  std::int64_t as_int(std::int64_t otherwise = 0) const;  // a double is truncated
  double as_double(double otherwise = 0) const;
  const std::string& as_string() const;  // "" for anything but a string
  const Array& items() const;            // empty for anything but an array
  const Members& members() const;        // empty for anything but an object

  // The member, or the null value where this is no object or has no such member.
  const Json& operator[](std::string_view key) const;
  const Json& operator[](const char* key) const { return (*this)[std::string_view(key)]; }
  bool has(std::string_view key) const;
  bool empty() const;  // null, or without items or members, or the empty string

  // Sets a member; a null value becomes an object first.
  Json& set(std::string key, Json value);
  // Appends an item; a null value becomes an array first.
  Json& push(Json value);

  std::string dump() const;  // compact, members in their own order
  std::string canonical()
      const;  // compact, members sorted by key at every level: the same for equal values
  // Two spaces, for people: what drives a terminal is escaped, also where JSON does not ask for it.
  std::string pretty() const;

  bool operator==(const Json& other) const = default;

 private:
  std::variant<std::nullptr_t, bool, std::int64_t, double, std::string, Array, Members> value_;
};

}  // namespace fairlead
