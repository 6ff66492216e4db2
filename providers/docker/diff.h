#pragma once

#include "providers/docker/seen.h"
#include "providers/docker/steps.h"
#include "providers/provider.h"

// Wanted against seen → steps and status, for one app's objects on the engine. Pure: depends on
// nothing but the View.
namespace fairlead::docker {

void diff_app(const Keys& keys, const View& view, Plan& plan, Report& report);

// The app is no longer wanted: containers and network go, the volume only with `drop_data`.
void diff_removal(const Keys& keys, const View& view, Plan& plan, Report& report);

// The HTTP health checks to be made of the app's running containers.
std::vector<Probe> health_probes(const View& view);

}  // namespace fairlead::docker
