#pragma once

#include "reconciler/result.h"
#include "reconciler/secret.h"

// Files of USER:HASH lines, as htpasswd makes them. Pure.
namespace fairlead::nginx {

// The lines that hold a user, as nginx will read them: comments and empty lines are left out.
// Errors: invalid, with the number of the line and never its content; also where there is no user.
// Hashes are bcrypt, apr1, SHA-512 crypt or {SHA}.
Result<Secret> parse_htpasswd(const Secret& file);

}  // namespace fairlead::nginx
