#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "providers/mariadb/seen.h"

// The rows of select_seen() → what was seen. Pure; nothing that the server says can fail a CHECK.
namespace fairlead::mariadb {

// App → what is there of its name, our own and foreign. Only names that an app can have.
using SeenApps = std::map<std::string, std::shared_ptr<SeenApp>>;

struct Seen {
  SeenApps apps;
  SeenServer server;
};

// `wanted_rotation` is of the one app that was asked for; 0: of all apps, or unknown. What the
// server has promised is the sum over the apps that the answer tells of. Errors: unavailable, where
// the body is none of ours.
Result<Seen> decode_seen(const Keys& keys, std::string_view body, int wanted_rotation);

}  // namespace fairlead::mariadb
