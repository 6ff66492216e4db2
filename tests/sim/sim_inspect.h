#pragma once

#include "tests/sim/sim_model.h"

// A container as `GET /containers/{}/json` shows it; `newer` for API 1.45.
namespace fairlead::sim {

Json inspect_json(const SimContainer& container, bool newer);

}  // namespace fairlead::sim
