#pragma once

#include <string_view>

#include "providers/provider.h"

// The last word on a statement, right before it is sent: it is read anew, whoever built it, and has
// one of the forms of sql.h, or is refused. Pure.
namespace fairlead::mariadb {

// Names of the server's own databases and accounts that an app could have.
bool is_reserved(std::string_view name);

// Errors: denied.
Result<void> check_policy(const Call& call);

}  // namespace fairlead::mariadb
