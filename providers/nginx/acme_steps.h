#pragma once

#include <string>

#include "providers/nginx/acme.h"

// The steps of which an ACME order consists, and what their answers mean. Used by acme.cc and
// acme_steps.cc only.
namespace fairlead::nginx {

// How long lego may take. Plugins for DNS-01 wait until the name servers have it.
std::chrono::milliseconds order_timeout(const Platform::Edge::Acme& acme);

// Step names, as Memory::troubles has them.
std::string check_name(const std::string& host);
std::string record_name(const std::string& host);
std::string order_name(const std::string& host);
inline constexpr char ask_name[] = "ask acme authority";

// Counters of what has succeeded.
std::string recorded_counter(const std::string& host);
std::string ordered_counter(const std::string& host);
inline constexpr char account_counter[] = "acme account removed";

Step write_probe(const AcmeInput& input);
Step check_host(const AcmeInput& input, const std::string& host);
Step ask_authority(const AcmeInput& input);
Step remove_account();
Step forget_attempt(const Attempt& attempt);
Step record_attempt(const AcmeInput& input, const std::string& host);
Step order_certificate(const AcmeInput& input, const std::string& host, const std::string& cause);

// Whether an order failed because the CA does not know the account, or no longer.
bool account_is_dead(const std::string& trouble);

}  // namespace fairlead::nginx
