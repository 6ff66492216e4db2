#pragma once

#include <optional>
#include <string>
#include <vector>

#include "providers/mariadb/sql.h"
#include "providers/provider.h"

// What was seen of an app's database, account, privileges and sessions, decoded: our own, and those
// of others that have its name.
namespace fairlead::mariadb {

struct SeenDatabase {
  std::string charset;
  bool ours = false;  // carries our comment
  std::string owner;  // owner_mark(); empty: made before there were any
};

// The account APP@%, which every app's own is.
struct SeenAccount {
  std::vector<std::string> hashes;   // of all passwords that open it; "" is the empty one
  std::vector<std::string> plugins;  // other ways in, by their plugins ("unix_socket")
  bool locked = false;
  int connections_max = 0;    // at once; 0: no limit
  bool other_limits = false;  // per hour, or of time
  bool demands_tls = false;
  bool expires = false;       // its password has expired, or will
  bool global = false;        // holds privileges on *.*
  bool global_grant = false;  // holds them with the grant option
  bool ours = false;
};

// What an account holds on one thing.
struct SeenPrivileges {
  Target target;
  std::vector<std::string> held;  // "SELECT", …; of a database only what the builders know
  bool grant_option = false;
};

struct SeenSession {
  std::string id;       // digits
  std::string address;  // of the client, without the port; a name where the server resolves them
};

// Somebody else who holds privileges on exactly the app's database.
struct SeenGuest {
  Account account;
  bool grant_option = false;
};

// What the server gives to all apps together.
struct SeenServer : Section {
  int connections_max = 0;  // 0: not known
  int promised = 0;         // the sum of what our accounts may have
  std::string largest;      // the app that may have the most; of several the last
};

struct SeenApp : Section {
  std::string app;
  std::optional<SeenDatabase> database;    // absent: there is none of the app's name
  std::optional<SeenAccount> account;      // absent: there is no APP@%
  std::vector<std::string> other_hosts;    // of accounts of the app's name with another host
  std::vector<SeenPrivileges> privileges;  // of APP@% on databases, tables, routines
  std::vector<std::string> roles;          // of APP@%
  std::vector<SeenGuest> guests;
  // Of the app's account; of a listing of all apps only where the account is locked or has more
  // than one password.
  std::vector<SeenSession> sessions;

  bool has_ours() const { return (database && database->ours) || (account && account->ours); }
};

}  // namespace fairlead::mariadb
