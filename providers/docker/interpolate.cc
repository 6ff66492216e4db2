#include "providers/docker/interpolate.h"

#include "reconciler/grammar.h"

namespace fairlead::docker {
namespace {

constexpr std::string_view literally = "; write $${ where this text itself is meant";

Error unknown(const std::string& name, const std::map<std::string, std::string>& given) {
  std::string names;
  for (const auto& [known, value] : given) names += (names.empty() ? "" : ", ") + known;
  return {Code::invalid,
          "there is no ${" + name + "}; " +
              (names.empty() ? "fairlead gives this app nothing" : "there are " + names) +
              std::string(literally),
          ""};
}

}  // namespace

Result<Interpolated> interpolate(std::string_view text,
                                 const std::map<std::string, std::string>& given) {
  Interpolated out;
  while (true) {
    const std::size_t dollar = text.find('$');
    out.text += text.substr(0, dollar);
    if (dollar == text.npos) return out;
    text.remove_prefix(dollar + 1);
    if (text.starts_with('$')) {
      text.remove_prefix(1);
    } else if (text.starts_with('{')) {
      const std::size_t end = text.find('}');
      const std::string name(text.substr(1, end == text.npos ? 0 : end - 1));
      // Text that is no name may be a part of a password.
      if (!is_env_name(name)) {
        return Error{Code::invalid,
                     "`${` begins a name, as in ${DB_PASSWORD}" + std::string(literally), ""};
      }
      const auto value = given.find(name);
      if (value == given.end()) return unknown(name, given);
      out.text += value->second;
      out.replaced = true;
      text.remove_prefix(end + 1);
      continue;
    }
    out.text += '$';
  }
}

std::string_view without_line_end(std::string_view text) {
  if (text.ends_with('\n')) {
    text.remove_suffix(1);
    if (text.ends_with('\r')) text.remove_suffix(1);
  }
  return text;
}

}  // namespace fairlead::docker
