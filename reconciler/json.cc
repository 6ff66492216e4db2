#include "reconciler/json.h"

#include <rapidjson/error/en.h>
#include <rapidjson/prettywriter.h>
#include <rapidjson/reader.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <algorithm>
#include <cstdio>
#include <limits>

namespace fairlead {
namespace {

constexpr std::size_t depth_max = 128;

// Builds a Json from RapidJSON's SAX events; refuses to nest deeper than depth_max, as the reader
// calls itself. With `item` the items of an outermost array go there.
class Builder : public rapidjson::BaseReaderHandler<rapidjson::UTF8<>, Builder> {
 public:
  explicit Builder(Json& root, const std::function<void(const Json&)>* item = nullptr,
                   const Json::Keep* keep = nullptr)
      : root_(root), item_(item), keep_(keep) {}

  bool Null() { return place(Json()); }
  bool Bool(bool value) { return place(Json(value)); }
  bool Int(int value) { return place(Json(value)); }
  bool Uint(unsigned value) { return place(Json(static_cast<std::int64_t>(value))); }
  bool Int64(std::int64_t value) { return place(Json(value)); }
  // RapidJSON's name for every positive number that needs more than 32 bits.
  bool Uint64(std::uint64_t value) {
    const bool fits = value <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    return place(fits ? Json(static_cast<std::int64_t>(value)) : Json(static_cast<double>(value)));
  }
  bool Double(double value) { return place(Json(value)); }
  bool String(const char* text, rapidjson::SizeType length, bool) {
    return skipping_ ? skip() : place(Json(std::string(text, length)));
  }
  bool Key(const char* text, rapidjson::SizeType length, bool) {
    if (skipping_) return true;
    const std::string_view key(text, length);
    open_.back().key = key;
    const bool deep = open_.size() > 1;
    skipping_ = keep_ && !(*keep_)(deep ? open_[open_.size() - 2].key : std::string_view(), key);
    return true;
  }
  bool StartObject() { return open(true); }
  bool EndObject(rapidjson::SizeType) {
    if (skipping_) return skip_end();
    Json::Members members = std::move(open_.back().members);
    open_.pop_back();
    return place(Json::object_of(std::move(members)));
  }
  bool StartArray() { return open(false); }
  bool EndArray(rapidjson::SizeType) {
    if (skipping_) return skip_end();
    Json::Array items = std::move(open_.back().items);
    open_.pop_back();
    return place(Json::array(std::move(items)));
  }

 private:
  struct Open {
    bool object = false;
    std::string key;  // of the member that comes next
    Json::Members members;
    Json::Array items;
  };

  bool open(bool object) {
    if (open_.size() + skipped_depth_ >= depth_max) return false;
    if (skipping_) {
      ++skipped_depth_;
    } else {
      open_.push_back({object, "", {}, {}});
    }
    return true;
  }
  // A value of a member that is not kept, or a part of it.
  bool skip() {
    skipping_ = skipped_depth_ > 0;
    return true;
  }
  bool skip_end() {
    --skipped_depth_;
    return skip();
  }
  bool place(Json value) {
    if (skipping_) return skip();
    if (open_.empty()) {
      root_ = std::move(value);
    } else if (open_.back().object) {
      open_.back().members.emplace_back(std::move(open_.back().key), std::move(value));
    } else if (item_ && open_.size() == 1) {
      (*item_)(value);
    } else {
      open_.back().items.push_back(std::move(value));
    }
    return true;
  }

  Json& root_;
  const std::function<void(const Json&)>* item_;
  const Json::Keep* keep_;
  std::vector<Open> open_;
  bool skipping_ = false;          // until the value that comes has ended
  std::size_t skipped_depth_ = 0;  // of it, open
};

bool has_doubles(const Json::Members& members) {
  std::vector<std::string_view> keys;
  keys.reserve(members.size());
  for (const auto& [key, value] : members) keys.push_back(key);
  std::sort(keys.begin(), keys.end());
  return std::adjacent_find(keys.begin(), keys.end()) != keys.end();
}

template <typename Writer>
void write(Writer& writer, const Json& value, bool sorted) {
  if (value.is_null()) {
    writer.Null();
  } else if (value.is_bool()) {
    writer.Bool(value.as_bool());
  } else if (value.is_int()) {
    writer.Int64(value.as_int());
  } else if (value.is_number()) {
    writer.Double(value.as_double());
  } else if (value.is_string()) {
    writer.String(value.as_string().data(),
                  static_cast<rapidjson::SizeType>(value.as_string().size()));
  } else if (value.is_array()) {
    writer.StartArray();
    for (const Json& item : value.items()) write(writer, item, sorted);
    writer.EndArray();
  } else {
    std::vector<const std::pair<std::string, Json>*> order;
    for (const auto& member : value.members()) order.push_back(&member);
    if (sorted) {
      std::sort(order.begin(), order.end(),
                [](const auto* a, const auto* b) { return a->first < b->first; });
    }
    writer.StartObject();
    for (const auto* member : order) {
      writer.Key(member->first.data(), static_cast<rapidjson::SizeType>(member->first.size()));
      write(writer, member->second, sorted);
    }
    writer.EndObject();
  }
}

std::string compact(const Json& value, bool sorted) {
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
  write(writer, value, sorted);
  return {buffer.GetString(), buffer.GetSize()};
}

Result<void> read(std::string_view text, Builder& builder) {
  rapidjson::MemoryStream stream(text.data(), text.size());
  rapidjson::Reader reader;
  const bool parsed = reader.Parse(stream, builder);
  if (parsed && stream.Tell() == text.size()) return {};
  // It takes a NUL for the end of the text.
  if (parsed) {
    return Error{Code::invalid, "not JSON: a NUL at offset " + std::to_string(stream.Tell()), ""};
  }
  return Error{Code::invalid,
               std::string("not JSON: ") + rapidjson::GetParseError_En(reader.GetParseErrorCode()) +
                   " at offset " + std::to_string(reader.GetErrorOffset()),
               ""};
}

}  // namespace

Json::Json(const std::vector<std::string>& values) : value_(Array(values.begin(), values.end())) {}

Json Json::object(std::initializer_list<std::pair<std::string, Json>> members) {
  Json made;
  made.value_ = Members();
  for (const auto& [key, value] : members) made.set(key, value);
  return made;
}

Json Json::object_of(Members members) {
  Json made = object();
  if (has_doubles(members)) {
    for (auto& [key, value] : members) made.set(std::move(key), std::move(value));
  } else {
    made.value_ = std::move(members);
  }
  return made;
}

Json Json::array(Array items) {
  Json made;
  made.value_ = std::move(items);
  return made;
}

Result<Json> Json::parse(std::string_view text, const Keep& keep) {
  Json root;
  Builder builder(root, nullptr, keep ? &keep : nullptr);
  if (Result<void> done = read(text, builder); !done) return done.error();
  return root;
}

Result<void> Json::parse_items(std::string_view text,
                               const std::function<void(const Json&)>& item) {
  Json root;
  Builder builder(root, &item);
  return read(text, builder);
}

bool Json::as_bool(bool otherwise) const { return is_bool() ? std::get<bool>(value_) : otherwise; }

std::int64_t Json::as_int(std::int64_t otherwise) const {
  if (is_int()) return std::get<std::int64_t>(value_);
  if (!is_number()) return otherwise;
  const double value = std::get<double>(value_);
  // A double beyond the range of int64 has no integer to give; converting it would be undefined.
  return value > -9.2e18 && value < 9.2e18 ? static_cast<std::int64_t>(value) : otherwise;
}

double Json::as_double(double otherwise) const {
  if (is_int()) return static_cast<double>(std::get<std::int64_t>(value_));
  return is_number() ? std::get<double>(value_) : otherwise;
}

const std::string& Json::as_string() const {
  static const std::string none;
  return is_string() ? std::get<std::string>(value_) : none;
}

const Json::Array& Json::items() const {
  static const Array none;
  return is_array() ? std::get<Array>(value_) : none;
}

const Json::Members& Json::members() const {
  static const Members none;
  return is_object() ? std::get<Members>(value_) : none;
}

const Json& Json::operator[](std::string_view key) const {
  static const Json none;
  for (const auto& [name, value] : members()) {
    if (name == key) return value;
  }
  return none;
}

bool Json::has(std::string_view key) const {
  return std::any_of(members().begin(), members().end(),
                     [&](const auto& member) { return member.first == key; });
}

bool Json::empty() const {
  if (is_string()) return as_string().empty();
  if (is_array()) return items().empty();
  if (is_object()) return members().empty();
  return is_null();
}

Json& Json::set(std::string key, Json value) {
  if (is_null()) value_ = Members();
  FAIRLEAD_CHECK(is_object());
  for (auto& [name, held] : std::get<Members>(value_)) {
    if (name == key) {
      held = std::move(value);
      return *this;
    }
  }
  std::get<Members>(value_).emplace_back(std::move(key), std::move(value));
  return *this;
}

Json& Json::push(Json value) {
  if (is_null()) value_ = Array();
  FAIRLEAD_CHECK(is_array());
  std::get<Array>(value_).push_back(std::move(value));
  return *this;
}

std::string Json::dump() const { return compact(*this, false); }

std::string Json::canonical() const { return compact(*this, true); }

std::string Json::pretty() const {
  rapidjson::StringBuffer buffer;
  rapidjson::PrettyWriter<rapidjson::StringBuffer> writer(buffer);
  writer.SetIndent(' ', 2);
  write(writer, *this, false);
  const std::string_view text(buffer.GetString(), buffer.GetSize());
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size(); ++at) {
    // U+0080 to U+009F, which can be in strings only.
    const bool is_c1 = text[at] == '\xC2' && at + 1 < text.size() &&
                       static_cast<unsigned char>(text[at + 1]) < 0xA0;
    if (is_c1 || text[at] == '\x7F') {
      char escape[8];
      const unsigned code = static_cast<unsigned char>(is_c1 ? text[++at] : text[at]);
      std::snprintf(escape, sizeof escape, "\\u%04x", code);
      out += escape;
    } else {
      out += text[at];
    }
  }
  return out;
}

}  // namespace fairlead
