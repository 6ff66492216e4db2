#pragma once

#include <memory>

#include "providers/provider.h"

// What to ask of the edge: its folder in one round, and nginx for its generation; then the sites of
// the generations that were found. Of other apps nothing is asked: what they add shows there. Pure.
namespace fairlead::nginx {

// Without `scope.place` (a listing) the folder alone.
std::unique_ptr<Observer> observe_edge(const Scope& scope);
// Asks nothing, sees nothing.
std::unique_ptr<Observer> observe_nothing();

}  // namespace fairlead::nginx
