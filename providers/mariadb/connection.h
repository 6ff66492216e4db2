#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "providers/provider.h"

// Where the server is and as whom fairlead speaks to it: the handshake, and every later call. Pure.
// What later calls need is in Session::facts; no password is: the managed server's is derived, the
// external one's file is read when the call is made.
namespace fairlead::mariadb {

inline constexpr std::chrono::seconds read_timeout{10};
inline constexpr std::chrono::seconds write_timeout{30};  // a lock that a backup holds
inline constexpr std::chrono::seconds drop_timeout{120};  // of a large database

// Where the app's containers find it.
std::string host_for_apps(const Platform& platform);
int port_of(const Platform& platform);

SqlCall version_call(const Keys& keys, const Place& place, const Platform& platform);
// Errors: unavailable or denied, with what to do.
Result<Session> negotiate_version(const Place& place, const Platform& platform,
                                  const std::vector<Answer>& answers);

SqlCall reading_call(const Keys& keys, const Session& session, std::string statement);
SqlCall writing_call(const Keys& keys, const Session& session, std::string statement);

}  // namespace fairlead::mariadb
