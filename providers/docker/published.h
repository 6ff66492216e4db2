#pragma once

#include "providers/provider.h"

// The ports of the host that an app publishes: ways from outside that need no edge. Pure.
namespace fairlead::docker {

// Adds one route for each `publish` of the manifest. It is live where a container runs that was
// made with it, an earlier one too: the engine leads there whether or not the app is healthy.
void describe_published(const View& view, Report& report);

}  // namespace fairlead::docker
