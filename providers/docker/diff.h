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

// Nothing is known of what is wanted: all stays as it is while the app's image is read.
void diff_unknown(const Keys& keys, const View& view, Plan& plan, Report& report);

// What the containers of the wanted revision were made of, or those of one whose record was lost.
ImageUse image_use(const Graph& wanted, const Section* seen, const Memory& memory);

Standing standing_of(const View& view);

// The container of the main process that serves others at its address in the app's own network;
// null: none does.
const SeenContainer* serving_container(const SeenApp& seen);

// The HTTP health checks to be made of the app's running containers.
std::vector<Probe> health_probes(const View& view);

}  // namespace fairlead::docker
