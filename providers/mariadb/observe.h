#pragma once

#include <memory>

#include "providers/provider.h"

// What to ask the server: one statement for all apps, or one for one app, or nothing. Pure.
namespace fairlead::mariadb {

std::unique_ptr<Observer> observe_all(const Keys& keys, const Session& session);
// Asks nothing where the app neither wants a database nor had anything, and where what a listing
// showed is fresh.
std::unique_ptr<Observer> observe_app(const Keys& keys, const Session& session, const Scope& scope);

}  // namespace fairlead::mariadb
