#pragma once

#include <memory>

#include "providers/provider.h"
#include "reconciler/keys.h"

// RabbitMQ (3.8 and newer) as a provider, by its management API: one vhost and one user for each
// app that needs a message bus. Pure and immutable; errors are values. Every request that is ever
// sent, each with Basic authentication and JSON:
//
//   handshake     GET /api/whoami
//                 GET /api/overview?disable_stats=true&columns=rabbitmq_version
//   all apps      GET /api/users
//                 GET /api/vhosts?disable_stats=true&columns=name,description,tags
//                 GET /api/permissions
//                 GET /api/vhost-limits
//   one app       GET /api/vhosts/APP?disable_stats=true&columns=name,description,tags     404:
//   none
//                 GET /api/vhost-limits/APP                                                404:
//                 none GET /api/users/USER                 of each user known or wanted 404: none
//                 GET /api/users/USER/permissions                                          404:
//                 none
//   steps         PUT    /api/vhosts/APP              {description, tags}
//                 PUT    /api/users/USER              {password_hash, hashing_algorithm, tags}
//                 PUT    /api/permissions/APP/USER    {configure, write, read}
//                 PUT    /api/vhost-limits/APP/max-connections   {value}
//                 DELETE /api/vhost-limits/APP/max-connections
//                 DELETE /api/user-limits/USER/max-connections
//                 DELETE /api/permissions/VHOST/USER
//                 DELETE /api/users/USER
//                 DELETE /api/vhosts/APP
//
// USER is APP for rotation 1 and "APP.N" for rotation N. Passwords are sent as hashes only, salt
// included derived from the key, so that what is seen can be compared byte for byte. Ours is what
// carries the tag fairlead-INSTALLATION-SIGNATURE (of a user, no management tag).
namespace fairlead::rabbitmq {

// `keys` must outlive the provider.
std::unique_ptr<Provider> make_provider(const Keys& keys);

}  // namespace fairlead::rabbitmq
