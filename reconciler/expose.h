#pragma once

#include "reconciler/app.h"
#include "reconciler/field.h"

// One entry of `expose`, read. Part of parse_app(); what is wrong becomes a finding. What passes is
// of typed grammars, so that it can be put into a proxy's configuration as it is.
namespace fairlead {

Expose read_expose(const Field& field);

// Of entries that are valid and reach nobody: most likely not what was meant. Errors, they would
// freeze apps that run with them.
std::vector<Error> expose_warnings(const App& app);

// `scheme`; the platform file has one, too. Nothing: it is not said.
std::optional<Scheme> read_scheme(const Field& field);

// A list of IP addresses and CIDR ranges; also the platform file has one.
std::vector<std::string> read_ranges(const Field& field);

}  // namespace fairlead
