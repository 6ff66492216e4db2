#include "reconciler/field.h"

#include "reconciler/grammar.h"
#include "reconciler/units.h"

namespace fairlead {
namespace {

constexpr std::chrono::hours duration_max{24};
constexpr std::int64_t memory_limit_min = 6 << 20;

// The value, or nothing after its error has become a finding.
template <typename T>
std::optional<T> taken(const Field& field, const Result<T>& parsed) {
  if (parsed) return *parsed;
  field.refuse(parsed.error().message);
  return std::nullopt;
}

}  // namespace

Field Field::below(const std::string& path, std::string key, const Json& value) const {
  Field field = *this;
  field.path_ = path;
  field.key_ = std::move(key);
  field.value_ = &value;
  return field;
}

Field Field::operator[](const std::string& key) const {
  return below(path_.empty() ? key : path_ + "." + key, key, (*value_)[key]);
}

std::vector<Field> Field::items() const {
  std::vector<Field> fields;
  for (const Json& item : value_->items()) {
    fields.push_back(below(path_ + "[" + std::to_string(fields.size()) + "]", key_, item));
  }
  return fields;
}

std::vector<std::pair<std::string, Field>> Field::members() const {
  std::vector<std::pair<std::string, Field>> fields;
  for (const auto& [key, value] : value_->members()) fields.emplace_back(key, (*this)[key]);
  return fields;
}

std::optional<std::string> Field::text() const {
  auto text = text_or_lines();
  if (!text || !has_control_characters(*text)) return text;
  refuse("must be one line without control characters");
  return std::nullopt;
}

std::optional<std::string> Field::text_or_lines() const {
  if (!said() || value_->is_array() || value_->is_object()) return std::nullopt;
  return spelled(*document_, path_, *value_);
}

std::optional<int> Field::number() const {
  return said() && value_->is_int() ? std::optional(static_cast<int>(value_->as_int()))
                                    : std::nullopt;
}

std::optional<std::int64_t> Field::bytes() const {
  const auto written = text();
  return written ? taken(*this, parse_bytes(*written)) : std::nullopt;
}

std::optional<std::int64_t> Field::memory_limit() const {
  const auto limit = bytes();
  if (limit && *limit < memory_limit_min) refuse("must be at least 6M, got " + *text());
  return limit;
}

std::optional<std::int64_t> Field::cpus() const {
  const auto written = text();
  return written ? taken(*this, parse_cpus(*written)) : std::nullopt;
}

std::optional<std::chrono::milliseconds> Field::duration(std::chrono::milliseconds least) const {
  const auto written = text();
  if (!written) return std::nullopt;
  const auto parsed = taken(*this, parse_duration(*written));
  if (parsed && (*parsed < least || *parsed > duration_max)) {
    refuse("must be " + format_duration(least) + "..24h, got " + *written);
    return std::nullopt;
  }
  return parsed;
}

std::optional<std::vector<std::string>> Field::words() const {
  if (!said() || !value_->is_array()) return std::nullopt;
  std::vector<std::string> words;
  for (const Field& item : items()) words.push_back(item.text_or_lines().value_or(""));
  return words;
}

std::optional<std::string> Field::absolute_path() const {
  const auto written = text();
  if (!written) return std::nullopt;
  auto path = normal_path(*written);
  if (!path) refuse("must be an absolute path without \"..\", got \"" + *written + "\"");
  return path;
}

}  // namespace fairlead
