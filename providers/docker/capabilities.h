#pragma once

#include <string>
#include <vector>

#include "reconciler/json.h"

// What the security profiles leave of root's capabilities (capabilities(7)), as an allow-list:
// `standard` what the entrypoints of usual images need to own their files, to become another user
// and to listen below 1024; `strict` nothing. Engines write the names with or without "CAP_". Pure.
namespace fairlead::docker {

const std::vector<std::string>& standard_capabilities();

// Of a create request or an inspect: "standard", "strict", or "older" where more is kept, which
// fairlead made before `standard` was an allow-list; empty: nothing is said.
std::string profile_of(const Json& host_config);

// Behind the evidence of a process that ended with these last lines: what it may lack; "" where
// nothing speaks for it.
std::string capability_hint(const std::string& profile, const std::string& last_lines);

}  // namespace fairlead::docker
