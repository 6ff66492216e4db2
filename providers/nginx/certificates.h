#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "reconciler/keys.h"
#include "reconciler/result.h"
#include "reconciler/world.h"

// Certificates as the edge serves them: parsed, matched to host names, and self-signed where there
// is no other. Pure: OpenSSL computes, nothing is read. Values, shared by the specs that use them.
namespace fairlead::nginx {

struct Certificate {
  std::string id;      // hex, of its content: names the file that the edge reads
  Secret pem;          // key and chain, leaf first, in one file; empty: not made yet
  std::string source;  // "file blog.example.org.crt", "ACME blog.example.org.crt", "self-signed"
  bool acme = false;   // got by fairlead's own ACME client, which renews it
  std::vector<std::string> names;  // of its SAN, lower case; a leading "*." stands for one label
  Duration begins{0};              // wall
  Duration ends{0};                // wall
};
using CertificatePtr = std::shared_ptr<const Certificate>;

// Errors: invalid (no PEM, no certificate, the key is of another one), in words for people.
Result<Certificate> parse_certificate(std::string source, const std::string& chain_pem,
                                      const Secret& key_pem);

// How the files of a host are called, without their endings: "_.example.org" of "*.example.org".
std::string stem_of(const std::string& host);

// What is to be done about its time at `now` (wall): "ends on 2026-12-10", "ended on …"; of one got
// by ACME only once its renewal is overdue. Empty: nothing. `next` is when that changes;
// Duration(0): it does not.
struct Lifetime {
  std::string warning;
  Duration next{0};
};
Lifetime lifetime_of(const Certificate& certificate, Duration now);

bool covers(const Certificate& certificate, const std::string& host);

// For a host out of `files` (as FolderReading has them): HOST.crt and HOST.key (or both in
// HOST.pem), else those of the wildcard of its parent (_.PARENT.crt), or _.HOST.crt or PARENT.crt
// where they cover the host; first of the operator's files, then of those got by ACME. The host
// "*.example.org" has the file "_.example.org.crt". Null: there is none. Errors: invalid, naming
// the operator's file: what is there and of no use (another host's, a foreign key, a key alone).
Result<CertificatePtr> find_certificate(const std::map<std::string, Secret>& files,
                                        const std::string& host);

// One certificate for all `hosts`, which nobody but its own key vouches for; without its content,
// which sign() makes where it is to be written: that takes a millisecond. The key is derived from
// the installation's, and of equal hosts in the same period of 90 days the id is the same (the
// content is not: signatures are random). Valid for a year from the beginning of the period.
CertificatePtr self_signed(const Keys& keys, const std::vector<std::string>& hosts, Duration now);
Secret sign(const Keys& keys, const Certificate& certificate);

}  // namespace fairlead::nginx
