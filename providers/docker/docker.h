#pragma once

#include <memory>

#include "providers/provider.h"
#include "reconciler/keys.h"

// The Docker Engine as a provider: networks, volumes, images, containers. Two dialects of its
// API, 1.41 and 1.44, chosen at every connect.
namespace fairlead::docker {

// `keys` must outlive the provider.
std::unique_ptr<Provider> make_provider(const Keys& keys);

}  // namespace fairlead::docker
