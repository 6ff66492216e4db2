#pragma once

#include <memory>

#include "providers/provider.h"
#include "reconciler/keys.h"

// nginx as a provider: the edge that leads from outside to the apps. Its configuration is one piece
// for all of them, made in the pass of the app `edge` from what each app adds.
namespace fairlead::nginx {

// `keys` must outlive the provider.
std::unique_ptr<Provider> make_provider(const Keys& keys);

}  // namespace fairlead::nginx
