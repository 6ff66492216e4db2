#pragma once

#include "providers/provider.h"

// The last word on a request, right before it is sent: only the management API of the server of the
// platform file, only what the steps of this provider ever ask for, and never a user without a
// password's hash or with rights. Errors: denied.
namespace fairlead::rabbitmq {

Result<void> check_policy(const Call& call, const Platform& platform);

}  // namespace fairlead::rabbitmq
