#pragma once

#include <optional>
#include <string>

#include "providers/rabbitmq/seen.h"
#include "reconciler/json.h"
#include "reconciler/keys.h"

// Entries of the management API's answers → what was seen. Whatever is absent or of another type
// reads as empty.
namespace fairlead::rabbitmq {

// Nothing for a user that could be no app's. Permissions come from other answers.
std::optional<SeenUser> decode_user(const Keys& keys, const Json& entry);
SeenVhost decode_vhost(const Keys& keys, const Json& entry);
Permission decode_permission(const Json& entry);
Limits decode_limits(const Json& limits);
// As the text that policy_text() makes of ours.
std::string decode_policy(const Json& entry);
// "max-connections" out of a map of limits. The server gives an empty array for none, and takes a
// negative number for no limit.
std::optional<std::int64_t> decode_connections_max(const Json& limits);

// The reason that an answer gives, or the beginning of what it says instead. Never a whole request.
std::string decode_reason(const Answer& answer);

}  // namespace fairlead::rabbitmq
