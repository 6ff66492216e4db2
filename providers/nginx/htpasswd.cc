#include "providers/nginx/htpasswd.h"

#include <regex>
#include <string>

#include "reconciler/grammar.h"

namespace fairlead::nginx {
namespace {

constexpr std::size_t line_max = 512;  // also keeps std::regex from deep recursion
constexpr std::size_t file_max = 1 << 20;

bool is_user_line(const std::string& line) {
  static const std::regex hash(
      R"(\$2[aby]\$[0-3][0-9]\$[./A-Za-z0-9]{53})"
      R"(|\$apr1\$[./A-Za-z0-9]{1,8}\$[./A-Za-z0-9]{22})"
      R"(|\$6\$(rounds=[0-9]{4,9}\$)?[./A-Za-z0-9]{1,16}\$[./A-Za-z0-9]{86})"
      R"(|\{SHA\}[+/A-Za-z0-9]{27}=)");
  const std::size_t colon = line.find(':');
  return line.size() <= line_max && colon != std::string::npos && colon > 0 &&
         !has_control_characters(line) && std::regex_match(line.substr(colon + 1), hash);
}

}  // namespace

Result<Secret> parse_htpasswd(const Secret& file) {
  const std::string& text = file.reveal();
  if (text.size() > file_max) return Error{Code::invalid, "is larger than 1M", ""};
  std::string lines;
  int number = 0;
  for (std::size_t begin = 0; begin < text.size(); ++number) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    std::string line = text.substr(begin, end - begin);
    begin = end + 1;
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (line.empty() || line[0] == '#') continue;
    if (!is_user_line(line)) {
      return Error{Code::invalid,
                   "line " + std::to_string(number + 1) +
                       " must be USER:HASH, with a hash by bcrypt, apr1, SHA-512 crypt or {SHA} "
                       "(`htpasswd -B`)",
                   ""};
    }
    lines += line + "\n";
  }
  if (lines.empty()) return Error{Code::invalid, "has no line USER:HASH: nobody could come in", ""};
  return Secret(std::move(lines));
}

}  // namespace fairlead::nginx
