#pragma once

#include <memory>

#include "providers/provider.h"
#include "reconciler/keys.h"

// MariaDB as a provider: for each app that needs it a database and an account of the app's name,
// with privileges on that database alone. The server is the app "mariadb", or one outside.
namespace fairlead::mariadb {

// `keys` must outlive the provider.
std::unique_ptr<Provider> make_provider(const Keys& keys);

}  // namespace fairlead::mariadb
