#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "reconciler/app.h"
#include "reconciler/call.h"

// How long a process has from its stop signal until it is killed. What the app's image says itself
// is capped, because an image that ignores the signal would keep a removed app running for as long;
// the fingerprint has what was said. Pure.
namespace fairlead::docker {

inline constexpr std::chrono::seconds default_stop_grace{10};
inline constexpr std::chrono::seconds image_stop_grace_max{60};

// `said` at this path of the app's manifest, or of its image's.
Duration stop_grace(const App& app, const std::string& path,
                    const std::optional<Milliseconds>& said);

// As the engine takes it: none is cut short.
std::int64_t whole_seconds(Duration time);

}  // namespace fairlead::docker
