#include "tests/sim/wire.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <ctime>

#include "reconciler/check.h"

namespace fairlead::sim {
namespace {

std::string decode(std::string_view text, bool plus) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    int value = 0;
    if (text[i] == '%' && i + 2 < text.size() &&
        std::from_chars(&text[i + 1], &text[i + 3], value, 16).ptr == &text[i + 3]) {
      out += static_cast<char>(value);
      i += 2;
    } else {
      out += plus && text[i] == '+' ? ' ' : text[i];
    }
  }
  return out;
}

void parse_query(std::string_view text, std::map<std::string, std::string>& out) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('&'), text.size());
    const std::string_view pair = text.substr(0, end);
    const std::size_t equals = std::min(pair.find('='), pair.size());
    out[decode(pair.substr(0, equals), true)] =
        equals < pair.size() ? decode(pair.substr(equals + 1), true) : "";
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

// The part of regular expressions that name filters are made of: "^", "$", "." and escapes.
bool name_matches(std::string_view pattern, std::string_view value) {
  FAIRLEAD_CHECK(pattern.find_first_of("*+?()[]{}|") == std::string_view::npos);
  const bool from_start = pattern.starts_with("^");
  const bool to_end = pattern.ends_with("$");
  pattern = pattern.substr(from_start, pattern.size() - from_start - to_end);
  const auto here = [&](std::size_t at) {
    for (std::size_t i = 0; i < pattern.size(); ++i, ++at) {
      const bool any = pattern[i] == '.';
      if (pattern[i] == '\\') ++i;
      if (at >= value.size() || (!any && value[at] != pattern[i])) return false;
    }
    return !to_end || at == value.size();
  };
  for (std::size_t at = 0; at <= (from_start ? 0 : value.size()); ++at) {
    if (here(at)) return true;
  }
  return false;
}

std::string counted(std::int64_t count, const char* unit) {
  return std::to_string(count) + " " + unit;
}

}  // namespace

const std::string& Target::part(std::size_t index) const {
  static const std::string none;
  return index < parts.size() ? parts[index] : none;
}

std::string Target::word(const std::string& key) const {
  const auto found = query.find(key);
  return found == query.end() ? "" : found->second;
}

bool Target::flag(const std::string& key) const {
  const std::string value = word(key);
  return !(value.empty() || value == "0" || value == "no" || value == "false" || value == "none");
}

Target parse_target(std::string_view path) {
  Target target;
  const std::size_t mark = std::min(path.find('?'), path.size());
  if (mark < path.size()) parse_query(path.substr(mark + 1), target.query);
  std::string_view rest = path.substr(0, mark);
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('/'), rest.size());
    if (end > 0) target.parts.push_back(decode(rest.substr(0, end), false));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  if (target.part(0).starts_with("v1.")) {
    target.version = std::atoi(target.part(0).c_str() + 3);
    target.parts.erase(target.parts.begin());
  }
  return target;
}

Answer answer_json(int status, const Json& body) { return {status, body.dump() + "\n", ""}; }
Answer answer_empty(int status) { return {status, "", ""}; }
Answer answer_error(int status, const std::string& message) {
  return answer_json(status, Json::object({{"message", message}}));
}

std::optional<Filters> parse_filters(const std::string& text) {
  Filters filters;
  if (text.empty()) return filters;
  const Result<Json> json = Json::parse(text);
  if (!json || !json->is_object()) return std::nullopt;
  for (const auto& [key, values] : json->members()) {
    for (const Json& value : values.items()) filters[key].push_back(value.as_string());
    for (const auto& [value, on] : values.members()) {
      if (on.as_bool()) filters[key].push_back(value);
    }
  }
  return filters;
}

bool labels_match(const Filters& filters, const Labels& labels) {
  const auto found = filters.find("label");
  if (found == filters.end()) return true;
  return std::all_of(found->second.begin(), found->second.end(), [&](const std::string& wanted) {
    const std::size_t equals = std::min(wanted.find('='), wanted.size());
    const auto label = labels.find(wanted.substr(0, equals));
    return label != labels.end() &&
           (equals == wanted.size() || label->second == wanted.substr(equals + 1));
  });
}

bool any_equal(const Filters& filters, const std::string& key, const std::string& value) {
  const auto found = filters.find(key);
  if (found == filters.end()) return true;
  return std::find(found->second.begin(), found->second.end(), value) != found->second.end();
}

bool any_match(const Filters& filters, const std::string& key, const std::string& value) {
  const auto found = filters.find(key);
  if (found == filters.end()) return true;
  return std::any_of(found->second.begin(), found->second.end(),
                     [&](const std::string& pattern) { return name_matches(pattern, value); });
}

std::string rfc3339(Duration wall) {
  if (wall == Duration{0}) return "0001-01-01T00:00:00Z";
  const std::time_t seconds = wall.count() / 1'000'000'000;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[32];
  const std::size_t length = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  std::string out(text, length);
  char fraction[16];
  std::snprintf(fraction, sizeof fraction, ".%09d", static_cast<int>(wall.count() % 1'000'000'000));
  std::string digits = fraction;
  digits.erase(digits.find_last_not_of('0') + 1);
  return out + (digits == "." ? "" : digits) + "Z";
}

std::string human_duration(Duration duration) {
  const std::int64_t seconds = duration.count() / 1'000'000'000;
  const std::int64_t minutes = seconds / 60;
  const std::int64_t hours = (seconds + 1800) / 3600;
  if (seconds < 1) return "Less than a second";
  if (seconds == 1) return "1 second";
  if (seconds < 60) return counted(seconds, "seconds");
  if (minutes == 1) return "About a minute";
  if (minutes < 60) return counted(minutes, "minutes");
  if (hours == 1) return "About an hour";
  if (hours < 48) return counted(hours, "hours");
  if (hours < 24 * 7 * 2) return counted(hours / 24, "days");
  if (hours < 24 * 30 * 2) return counted(hours / 24 / 7, "weeks");
  return counted(hours / 24 / 30, "months");
}

std::optional<std::uint32_t> parse_address(const std::string& text) {
  unsigned parts[4];
  char rest = 0;
  if (std::sscanf(text.c_str(), "%3u.%3u.%3u.%3u%c", &parts[0], &parts[1], &parts[2], &parts[3],
                  &rest) != 4) {
    return std::nullopt;
  }
  std::uint32_t address = 0;
  for (const unsigned part : parts) {
    if (part > 255) return std::nullopt;
    address = address << 8 | part;
  }
  return address;
}

std::string format_address(std::uint32_t address) {
  std::string text;
  for (int shift = 24; shift >= 0; shift -= 8) {
    text += std::to_string(address >> shift & 255) + (shift > 0 ? "." : "");
  }
  return text;
}

std::uint32_t Subnet::mask() const { return prefix == 0 ? 0 : ~std::uint32_t{0} << (32 - prefix); }

bool Subnet::overlaps(const Subnet& other) const {
  return contains(other.base) || other.contains(base);
}

std::optional<Subnet> parse_subnet(const std::string& text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string::npos) return std::nullopt;
  const std::optional<std::uint32_t> address = parse_address(text.substr(0, slash));
  const int prefix = std::atoi(text.c_str() + slash + 1);
  if (!address || prefix < 1 || prefix > 32) return std::nullopt;
  Subnet subnet{*address, prefix};
  subnet.base &= subnet.mask();
  return subnet;
}

Json to_json(const Labels& labels) {
  Json json = Json::object();
  for (const auto& [key, value] : labels) json.set(key, value);
  return json;
}

Labels to_labels(const Json& json) {
  Labels labels;
  for (const auto& [key, value] : json.members()) labels[key] = value.as_string();
  return labels;
}

std::string join(const std::vector<std::string>& words, std::string_view separator) {
  std::string text;
  for (const std::string& word : words) {
    if (!text.empty()) text += separator;
    text += word;
  }
  return text;
}

std::vector<std::string> to_strings(const Json& json) {
  if (json.is_string()) return {json.as_string()};
  std::vector<std::string> strings;
  for (const Json& item : json.items()) strings.push_back(item.as_string());
  return strings;
}

std::uint64_t Random::next() {
  state_ += 0x9e3779b97f4a7c15u;
  std::uint64_t mixed = state_;
  mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9u;
  mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebu;
  return mixed ^ (mixed >> 31);
}

Duration Random::between(Duration low, Duration high) {
  return low + Duration(static_cast<std::int64_t>(
                   below(static_cast<std::uint64_t>((high - low).count()) + 1)));
}

bool Random::chance(double probability) {
  return static_cast<double>(next() >> 11) * 0x1.0p-53 < probability;
}

std::string Random::hex(std::size_t digits) {
  static constexpr char alphabet[] = "0123456789abcdef";
  std::string text;
  while (text.size() < digits) {
    std::uint64_t bits = next();
    for (int i = 0; i < 16 && text.size() < digits; ++i, bits >>= 4) text += alphabet[bits & 15];
  }
  return text;
}

}  // namespace fairlead::sim
