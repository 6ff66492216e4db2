#pragma once

#include "reconciler/field.h"
#include "reconciler/platform.h"

// The part `tenants` of the platform file, and the older `edge.tenants`, read. Part of
// parse_platform(); what is wrong becomes a finding.
namespace fairlead {

// `edge`: of the list that binds domains alone. One folder in both lists is one tenant.
std::vector<Tenant> read_tenants(const Field& tenants, const Field& edge,
                                 const Platform::Folders& folders);

}  // namespace fairlead
