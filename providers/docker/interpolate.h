#pragma once

#include <map>
#include <string>
#include <string_view>

#include "reconciler/result.h"

// What the manifest's `env` may say of what fairlead gives: `${DB_PASSWORD}` stands for its value,
// `$$` for a dollar; every other dollar stands for itself. No shell, no nesting. Pure.
namespace fairlead::docker {

struct Interpolated {
  std::string text;
  bool replaced = false;  // something that is given was put in: `text` may be secret
};

// `given`: name → value. Errors: invalid, with the names there are and never with a value.
Result<Interpolated> interpolate(std::string_view text,
                                 const std::map<std::string, std::string>& given);

// Without the one line end (LF or CR LF) that editors and `echo` put behind a text.
std::string_view without_line_end(std::string_view text);

}  // namespace fairlead::docker
