#pragma once

#include <memory>

#include "providers/docker/seen.h"
#include "providers/provider.h"

// What to ask the engine, and what the answers show. A full observation is three lists and no
// inspect, whatever the number of apps. One of a single app lists what is the app's, then inspects
// only those containers of which something may have changed.
namespace fairlead::docker {

std::unique_ptr<Observer> observe_all(const Keys& keys, const Session& session, Instant now);
std::unique_ptr<Observer> observe_app(const Keys& keys, const Session& session, const Scope& scope);

// The prefix of versioned paths: "/v1.41".
std::string api(const Session& session);

// `filters=` value of a list call, percent-encoded JSON.
std::string filters(const Json& filter);

}  // namespace fairlead::docker
