#pragma once

#include <algorithm>
#include <sstream>
#include <string>
#include <vector>

#include "providers/mariadb/marks.h"
#include "providers/mariadb/sql.h"
#include "reconciler/json.h"

// Rows as the server shows them, from words. Pure; used by the scenes and the decoder's tests.
namespace fairlead::mariadb::testing {

inline const Keys& keys() {
  static const Keys held("0123456789abcdef", Secret(std::string(32, 'k')));
  return held;
}

inline std::string hash_of(const std::string& word) {
  if (word == "TOMB") return Passwords(keys(), "blog", 0).tombstone();
  const bool rotation = word[0] == 'R' && word.size() > 1;
  return password_hash(rotation ? app_password(keys(), "blog", std::stoi(word.substr(1)))
                                : Secret(word));
}

// "ALL-DROP+GRANT_OPTION" → "YYN…", as the server shows it.
inline std::string flags_of(std::string text) {
  std::string flags(std::size(app_privileges) + std::size(other_privileges), 'N');
  const bool all = text.rfind("ALL", 0) == 0;
  for (std::size_t i = 0; i < flags.size(); ++i) {
    std::string name(i < app_privileges_count ? app_privileges[i]
                                              : other_privileges[i - app_privileges_count]);
    std::replace(name.begin(), name.end(), ' ', '_');
    if (all && i < app_privileges_count) flags[i] = 'Y';
    if (text.find("-" + name) != text.npos) flags[i] = 'N';
    if (text.find("+" + name) != text.npos) flags[i] = 'Y';
  }
  return flags;
}

inline Json row(const std::vector<std::string>& columns) { return Json(columns); }

inline std::string account_json(std::istringstream& words) {
  Json priv = Json::object({{"access", 0}, {"version_id", 101119}});
  Json ways = Json::array();
  Json limits = Json::object();
  bool locked = false, tls = false, expires = false;
  int connections = 50, questions = 0;
  const auto way = [](const std::string& plugin, const std::string& text) {
    return Json::object({{"plugin", plugin}, {"authentication_string", text}});
  };
  for (std::string word; words >> word;) {
    if (word == "locked")
      locked = true;
    else if (word == "tls")
      tls = true;
    else if (word == "expires")
      expires = true;
    else if (word == "limits")
      questions = 7;
    else if (word == "global")
      priv.set("access", 1024 + 256);
    else if (word.rfind("max=", 0) == 0)
      connections = std::stoi(word.substr(4));
    else if (word.rfind("plugin=", 0) == 0)
      ways.push(way(word.substr(7), ""));
    else
      ways.push(way("mysql_native_password", hash_of(word)));
  }
  // The first one is that of the outer level, and stands there as {}.
  for (const auto& [key, value] : ways.items().front().members()) priv.set(key, value);
  Json more = Json::array({Json::object()});
  for (std::size_t i = 1; i < ways.items().size(); ++i) more.push(ways.items()[i]);
  priv.set("auth_or", more);
  priv.set("account_locked", locked).set("ssl_type", tls ? 1 : 0).set("max_questions", questions);
  priv.set("max_user_connections", connections).set("max_statement_time", 0.0);
  priv.set("password_last_changed", 1795318059).set("password_lifetime", expires ? 30 : 0);
  return priv.dump();
}

}  // namespace fairlead::mariadb::testing
