#pragma once

#include <optional>

#include "reconciler/field.h"
#include "reconciler/platform.h"

// The part `edge` of the platform file, read. Part of parse_platform(); what is wrong becomes a
// finding.
namespace fairlead {

Platform::Edge read_edge(const Field& field);

// What is not said keeps its default.
template <typename T>
void take(T& member, const std::optional<T>& said) {
  if (said) member = *said;
}

}  // namespace fairlead
