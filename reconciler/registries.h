#pragma once

#include <string>

#include "reconciler/platform.h"
#include "reconciler/result.h"

// Which registries images may come from, and which login goes where: `registries` of the platform
// file. A registry is written as in an image, "ghcr.io" or "127.0.0.1:5000"; one with a login
// counts as listed. Others are used only where they are public: their host is no address of this
// host or of a private network, by name here and by what it resolves to where it is connected to
// (HttpCall's `public_only`). Pure.
namespace fairlead {

// Whether the text is an IPv4 or IPv6 address that anybody can have: not loopback, link-local,
// private, shared, multicast, reserved or unspecified, nor one that leads to such an IPv4 address.
bool is_public_address(const std::string& address);

// Whether the platform file names it, in `allow` or with a login. `place` may have a port where
// what is listed has none: then it is that of http or https.
bool is_listed(const Platform& platform, const std::string& place);

// Whether images may come from there at all; of tenants see tenants.h. Errors: denied, with what to
// do.
Result<void> may_use(const Platform& platform, const std::string& registry);

// The login of a registry; null: anonymous.
const RegistryLogin* login_of(const Platform& platform, const std::string& registry);

// Whether the registry may send us to `realm` ("HOST:PORT") for a token. With a login only to a
// host of its own domain, or to one that is listed. Errors: denied.
Result<void> may_ask_token(const Platform& platform, const std::string& registry,
                           const std::string& realm);

}  // namespace fairlead
