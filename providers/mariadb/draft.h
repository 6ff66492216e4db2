#pragma once

#include <optional>
#include <string>
#include <vector>

#include "providers/mariadb/marks.h"
#include "providers/mariadb/resolve.h"
#include "providers/mariadb/seen.h"
#include "providers/provider.h"

// What the parts of a diff share while the plan of one app is drafted, and the steps that more than
// one of them needs. Lives for one diff; used by diff.cc and diff_account.cc only.
namespace fairlead::mariadb {

using Needs = std::vector<std::size_t>;  // indices of steps

struct Draft {
  const Keys& keys;
  const View& view;
  const SeenApp& seen;
  Plan& plan;
  Report& report;
  std::string why;  // cause of the first step; empty: there is none

  std::size_t add(std::string verb, std::string resource, std::string statement, std::string cause,
                  Needs needs = {});
  void wait(std::string resource, std::string cause, Needs needs);
};

// Everything that an account holds on `target`, and the grant option where it has it. Returns the
// last step.
std::size_t revoke_everything(Draft& draft, const SeenPrivileges& held, const Account& account,
                              const std::string& cause, Needs needs);

// Ends the sessions that are seen; of those in `spared` (client addresses) none.
Needs kill_sessions(Draft& draft, const std::set<std::string>& spared, const std::string& cause);

// Locks the account and ends its sessions, as far as that is still to be done. Returns what later
// steps must wait for; nothing where the sessions are to be looked at first.
std::optional<Needs> shut_out(Draft& draft, const std::string& cause);

// Creates the wanted account or mends its passwords, limits and lock. `needs`: the database.
// Returns what its privileges must wait for.
Needs diff_account(Draft& draft, const DatabaseSpec& spec, Needs needs);

}  // namespace fairlead::mariadb
