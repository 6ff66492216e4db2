#pragma once

#include <memory>

#include "providers/provider.h"
#include "providers/rabbitmq/seen.h"

// What to ask the server, and what the answers show. Of all apps together four lists, however many
// apps there are. Of one app its own objects by name, in one round; nothing for an app that neither
// wants a vhost nor has anything. Users of rotations that are neither wanted nor known yet are
// found by the next listing. Topic permissions are not looked at: they only narrow what a
// permission of ".*" allows, and go with their user.
namespace fairlead::rabbitmq {

std::unique_ptr<Observer> observe_all(const Keys& keys, const Session& session);
std::unique_ptr<Observer> observe_app(const Keys& keys, const Session& session, const Scope& scope);

}  // namespace fairlead::rabbitmq
