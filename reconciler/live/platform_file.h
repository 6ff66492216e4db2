#pragma once

#include <string>

#include "reconciler/platform.h"
#include "reconciler/result.h"
#include "reconciler/world.h"

// The platform file and the files that it names, as they are on the disk. Blocking, for any thread.
namespace fairlead::live {

// Reads and checks the file; a missing one gives the defaults. DOCKER_HOST, DOCKER_CERT_PATH and
// DOCKER_TLS_VERIFY of the environment hold where the file does not say otherwise.
ParsedPlatform load_platform(const std::string& path);

// What goes into X-Registry-Auth for a pull from that registry: base64url of the login as JSON;
// empty without a login for it. Errors: denied, naming the password file that cannot be read. The
// file is read each time, so that a new password needs no restart.
Result<std::string> registry_auth(const Platform& platform, const std::string& registry);

// The login's password, or the first line of its file. Errors: denied, naming the file that cannot
// be read or has none.
Result<Secret> password_of(const Login& login);

// What goes into Authorization for Basic authentication. Errors: those of password_of().
Result<std::string> basic_auth(const Login& login);

}  // namespace fairlead::live
