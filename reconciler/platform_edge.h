#pragma once

#include "reconciler/field.h"
#include "reconciler/platform.h"

// The part `edge` of the platform file, read. Part of parse_platform(); what is wrong becomes a
// finding.
namespace fairlead {

Platform::Edge read_edge(const Field& field);

}  // namespace fairlead
