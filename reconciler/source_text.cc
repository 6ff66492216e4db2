#include "reconciler/source_text.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstdio>

#include "reconciler/units.h"

namespace fairlead {
namespace {

// Far more than depth_max, because brackets within quotes and comments count here as well.
constexpr int bracket_depth_max = 256;

unsigned byte_at(std::string_view text, std::size_t index) {
  return static_cast<unsigned char>(text[index]);
}

Error refuse(const std::string& file, std::string_view text, std::size_t offset,
             std::string message) {
  const std::string_view before = text.substr(0, offset);
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const std::size_t line_start = before.rfind('\n') + 1;  // npos + 1 is 0
  const Mark mark{file, static_cast<int>(line), static_cast<int>(offset - line_start + 1)};
  return Error{Code::invalid, std::move(message), mark.text()};
}

std::string byte_name(unsigned byte) {
  char name[8];
  std::snprintf(name, sizeof name, "0x%02x", byte);
  return name;
}

std::string unify_line_ends(std::string_view text) {
  std::string unified;
  unified.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\r' && i + 1 < text.size() && text[i + 1] == '\n') continue;
    unified += text[i];
  }
  return unified;
}

// The code unit of a "\\u" and four hexadecimal digits at the front of `text`, 0 where there is
// none.
unsigned code_unit(std::string_view text) {
  unsigned unit = 0;
  if (text.substr(0, 2) != "\\u" || text.size() < 6) return 0;
  const auto [end, error] = std::from_chars(text.data() + 2, text.data() + 6, unit, 16);
  return error == std::errc() && end == text.data() + 6 ? unit : 0;
}

// JSON writes characters beyond U+FFFF as two escapes, which YAML does not know: as one of YAML's.
// JSON has escapes in strings only, and a backslash nowhere else.
std::string join_surrogates(std::string_view json) {
  std::string joined;
  joined.reserve(json.size());
  for (std::size_t i = 0; i < json.size(); ++i) {
    const unsigned high = code_unit(json.substr(i, 6));
    const unsigned low = high == 0 || i + 6 > json.size() ? 0 : code_unit(json.substr(i + 6, 6));
    if (high >= 0xd800 && high < 0xdc00 && low >= 0xdc00 && low < 0xe000) {
      char escape[16];
      std::snprintf(escape, sizeof escape, "\\U%08x",
                    0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00));
      joined += escape;
      i += 11;
      continue;
    }
    joined += json[i];
    // The second half of an escaped backslash begins no escape.
    if (json[i] == '\\' && i + 1 < json.size()) joined += json[++i];
  }
  return joined;
}

bool looks_like_json(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\n");
  return first != std::string_view::npos && (text[first] == '{' || text[first] == '[');
}

// What is no text, with the message for it; empty when all is well.
std::string character_problem(std::string_view rest, std::size_t length) {
  const unsigned byte = byte_at(rest, 0);
  if (length == 0) return "is not UTF-8: found the byte " + byte_name(byte);
  const bool allowed = byte == '\n' || byte == '\t';
  if (!allowed && is_control(rest.substr(0, length))) {
    return "control characters are not allowed: found the byte " +
           byte_name(byte_at(rest, length - 1));
  }
  return "";
}

// Counts what makes yaml-cpp hold tokens back.
class Brackets {
 public:
  explicit Brackets(const ParseLimits& limits) : limits_(limits) {}

  std::string problem_at(char c) {
    if (c == '[' || c == '{') ++depth_;
    if ((c == ']' || c == '}') && depth_ > 0) --depth_;
    if (c == '[' || c == '{' || c == ',') ++separators_;
    if (depth_ > bracket_depth_max) {
      return "is nested deeper than " + std::to_string(limits_.depth_max) + " levels";
    }
    // Each of them stands before a value, and twice as many leaves room for those in plain text.
    if (separators_ > 2 * limits_.nodes_max) {
      return "has more than " + std::to_string(limits_.nodes_max) + " values";
    }
    return "";
  }

 private:
  const ParseLimits& limits_;
  int depth_ = 0;
  int separators_ = 0;
};

}  // namespace

std::size_t utf8_length(std::string_view text) {
  if (text.empty()) return 0;
  const unsigned lead = byte_at(text, 0);
  if (lead < 0x80) return 1;
  const std::size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte_at(text, i) & 0xc0) != 0x80) return 0;
  }
  const unsigned second = byte_at(text, 1);
  const bool overlong = (lead == 0xe0 && second < 0xa0) || (lead == 0xf0 && second < 0x90);
  const bool beyond = (lead == 0xed && second > 0x9f) || (lead == 0xf4 && second > 0x8f);
  return overlong || beyond ? 0 : length;
}

bool is_control(std::string_view character) {
  const unsigned byte = byte_at(character, 0);
  if (byte < 0x20 || byte == 0x7f) return true;
  return byte == 0xc2 && character.size() == 2 && byte_at(character, 1) < 0xa0;
}

std::string printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    const std::string_view character = text.substr(0, std::max<std::size_t>(1, length));
    const bool plain =
        length > 0 && (character == "\n" || character == "\t" || !is_control(character));
    out += plain ? character : "?";
    text.remove_prefix(character.size());
  }
  return out;
}

Result<std::string> clean_source(const std::string& file, std::string_view text,
                                 const ParseLimits& limits) {
  if (text.size() > limits.bytes_max) {
    const auto most = format_bytes(static_cast<std::int64_t>(limits.bytes_max));
    return Error{Code::invalid, "is larger than " + most + ": split it", file};
  }
  if (text.substr(0, 2) == "\xff\xfe" || text.substr(0, 2) == "\xfe\xff") {
    return refuse(file, text, 0, "is UTF-16: save it as UTF-8");
  }
  if (text.substr(0, 3) == "\xef\xbb\xbf") text.remove_prefix(3);
  std::string unified = unify_line_ends(text);
  const std::string_view source = unified;
  Brackets brackets(limits);
  for (std::size_t i = 0; i < source.size();) {
    const std::string_view rest = source.substr(i, 4);
    const std::size_t length = utf8_length(rest);
    std::string problem = character_problem(rest, length);
    if (problem.empty()) problem = brackets.problem_at(rest[0]);
    if (!problem.empty()) return refuse(file, source, i, std::move(problem));
    i += length;
  }
  return looks_like_json(source) ? join_surrogates(source) : unified;
}

}  // namespace fairlead
