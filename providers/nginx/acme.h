#pragma once

#include <map>
#include <string>
#include <vector>

#include "providers/nginx/certificates.h"
#include "providers/provider.h"

// Certificates by ACME (RFC 8555), got by the program lego on the host: which hosts need one, when
// one may be asked for, and the steps. Pure. What lego gets it writes to acme/certificates below
// the state folder; the watcher delivers it like an operator's file, so that nothing here waits for
// it. Nothing that goes wrong here harms the edge: its steps are put off, never failed. Invariants:
// (1) one order at a time; (2) before an order goes out, a file in the state folder says so, and of
// those files alone it is decided whether another one may; (3) the CA is asked only for names that
// were seen to lead here, except with DNS-01; (4) hosts of which the operator has a file are left
// alone.
namespace fairlead::nginx {

// One order, as the name of its file says it: acme/orders/SECONDS-HOST.
struct Attempt {
  Duration at{0};  // wall
  std::string host;
  std::string path;  // of the file, below the state folder
};

// What is seen: the orders that went out, the earliest first.
struct AcmeSeen {
  std::vector<Attempt> attempts;
};
FileCall list_attempts();
// Of the answer to it. Errors: unavailable.
Result<AcmeSeen> decode_attempts(const Answer& answer);

struct AcmeInput {
  const Platform* platform = nullptr;
  const Keys* keys = nullptr;
  const Memory* memory = nullptr;  // of the app whose plan it is
  Instant now;
  // Each host that a manifest says itself and that the edge serves → what find_certificate() gave;
  // null: nothing of use.
  std::map<std::string, CertificatePtr> hosts;
  const AcmeSeen* seen = nullptr;
};

// Adds the steps for the host that needs a certificate most, and says of each that lacks one why.
void diff_acme(const AcmeInput& input, Plan& plan, Report& report);

// Whether a CA would give one for that name: it is public, and no wildcard without DNS-01.
bool acme_can(const std::string& host, const Platform::Edge::Acme& acme);

// Of steps that diff_acme() made.
bool is_acme(const Step& step);
Outcome judge_acme(const Step& step, const Answer& answer);
// Whether a program that is to be run on the host is lego, called as diff_acme() does it.
bool is_order(const ProcessCall& call, const Platform& platform);

}  // namespace fairlead::nginx
