#pragma once

#include "providers/provider.h"

// The last word on what is sent to the engine, checked on the final request and not on the
// manifest: whatever the code before it did, no container gets more of the host than the platform
// file allows. Source: shared incident records of tools like ours, where the check stood on some
// paths only.
namespace fairlead::docker {

// Errors: denied, naming what was refused.
// `tenant`: of the app that the request is for; null: the operator.
Result<void> check_policy(const HttpCall& call, const Platform& platform,
                          const Tenant* tenant = nullptr);

}  // namespace fairlead::docker
