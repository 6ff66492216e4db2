#pragma once

#include <string>

#include "reconciler/platform.h"
#include "reconciler/result.h"

// That what names of registries resolve to is reachable by anybody on the internet, where the
// platform file does not list them. Blocking, any thread.
struct addrinfo;

namespace fairlead::live {

// One address that a name resolved to. Errors: denied, with the address and what to do.
Result<void> check_public(const addrinfo& found);

// Before the engine is asked to pull from the registry. The engine resolves the name once more, so
// that this stops a name that leads inside and not one that changes in between. Errors: denied;
// none where the name is not known here, for then the engine may have a proxy.
Result<void> may_pull(const Platform& platform, const std::string& registry);

}  // namespace fairlead::live
