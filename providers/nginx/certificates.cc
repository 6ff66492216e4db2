#include "providers/nginx/certificates.h"

#include <openssl/err.h>
#include <openssl/pem.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <optional>
#include <utility>

#include "providers/nginx/openssl.h"
#include "reconciler/check.h"

namespace fairlead::nginx {
namespace {

constexpr std::size_t certificate_id_digits = 32;
constexpr std::chrono::hours warned_before{14 * 24};

Error invalid(std::string message) { return Error{Code::invalid, std::move(message), ""}; }

BioPtr reading(const std::string& text) {
  BioPtr bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  FAIRLEAD_CHECK(bio);
  return bio;
}

Result<std::vector<X509Ptr>> read_chain(const std::string& text) {
  ERR_clear_error();
  const BioPtr bio = reading(text);
  std::vector<X509Ptr> chain;
  while (X509* read = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)) {
    chain.emplace_back(read);
  }
  const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  ERR_clear_error();
  if (!at_end) return invalid("a certificate in it is damaged");
  if (chain.empty()) return invalid("there is no certificate in PEM form in it");
  return chain;
}

// Without it OpenSSL asks at the terminal.
int no_passphrase(char*, int, int, void*) { return -1; }

Result<KeyPtr> read_key(const Secret& text) {
  ERR_clear_error();
  KeyPtr key(
      PEM_read_bio_PrivateKey(reading(text.reveal()).get(), nullptr, no_passphrase, nullptr));
  ERR_clear_error();
  if (key) return key;
  if (text.reveal().find("ENCRYPTED") != std::string::npos) {
    return invalid("its key is encrypted; write it without a passphrase");
  }
  return invalid("there is no private key in PEM form beside it");
}

Duration wall(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return Duration(0);
  return std::chrono::seconds(timegm(&parts));
}

// "2026-12-10", in UTC.
std::string day_of(Duration wall) {
  const std::time_t whole = std::chrono::duration_cast<std::chrono::seconds>(wall).count();
  std::tm parts{};
  gmtime_r(&whole, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%d", &parts);
  return text;
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](char letter) {
    return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
  });
  return text;
}

// A name with a zero byte is none: C programs would take it for another's.
std::vector<std::string> names_of(const X509* certificate) {
  const NamesPtr names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  std::vector<std::string> out;
  for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type != GEN_DNS) continue;
    const auto* text = reinterpret_cast<const char*>(ASN1_STRING_get0_data(name->d.dNSName));
    const auto length = static_cast<std::size_t>(ASN1_STRING_length(name->d.dNSName));
    const std::string whole(text, length);
    if (whole.find('\0') == std::string::npos) out.push_back(lower(whole));
  }
  return out;
}

// "*.example.org" of "blog.example.org"; empty where nothing is above it but a single label.
std::string wildcard_of(const std::string& host) {
  const std::size_t dot = host.find('.');
  if (dot == std::string::npos || host.front() == '*') return "";
  const std::string parent = host.substr(dot + 1);
  return parent.find('.') == std::string::npos ? "" : "*." + parent;
}

std::string joined(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ", ") + name;
  return out.empty() ? "no host name (a common name counts for no browser)" : out;
}

const Secret* file(const std::map<std::string, Secret>& files, const std::string& path) {
  const auto found = files.find(path);
  return found == files.end() ? nullptr : &found->second;
}

// One folder of certificates: how its files' paths begin, and how people are told of them.
struct FilePlace {
  std::string prefix;
  std::string words;
};
const FilePlace own{"", "file "};
const FilePlace ordered{acme_prefix, "ACME "};

// Null where there is none for that stem.
Result<CertificatePtr> read_at(const std::map<std::string, Secret>& files, const FilePlace& place,
                               const std::string& stem) {
  const bool apart = file(files, place.prefix + stem + ".crt") != nullptr;
  const std::string name = stem + (apart ? ".crt" : ".pem");
  const Secret* chain = file(files, place.prefix + name);
  if (chain == nullptr) return CertificatePtr();
  const Secret* key = apart ? file(files, place.prefix + stem + ".key") : chain;
  auto parsed = parse_certificate(place.words + name, chain->reveal(), key ? *key : *chain);
  if (!parsed) return invalid(place.words + name + ": " + parsed.error().message);
  parsed->acme = place.prefix == acme_prefix;
  return CertificatePtr(std::make_shared<const Certificate>(std::move(*parsed)));
}

Result<CertificatePtr> find_at(const std::map<std::string, Secret>& files, const FilePlace& place,
                               const std::string& host) {
  const std::string wildcard = wildcard_of(host);
  for (const std::string& name : {host, wildcard}) {
    if (name.empty()) continue;
    auto found = read_at(files, place, stem_of(name));
    if (!found || (*found && covers(**found, host))) return found;
    if (*found) {
      return invalid((*found)->source + ": is for " + joined((*found)->names) + ", not for " +
                     host);
    }
  }
  // Another host's file: only a gift where it happens to do.
  for (const std::string& stem : {"_." + host, wildcard.empty() ? "" : wildcard.substr(2)}) {
    if (stem.empty()) continue;
    auto gift = read_at(files, place, stem);
    if (gift && *gift && covers(**gift, host)) return gift;
  }
  return CertificatePtr();
}

}  // namespace

std::string stem_of(const std::string& host) {
  return host.compare(0, 2, "*.") == 0 ? "_" + host.substr(1) : host;
}

std::string pem_of(const std::vector<X509Ptr>& chain, EVP_PKEY* key) {
  const BioPtr bio(BIO_new(BIO_s_secmem()));
  FAIRLEAD_CHECK(bio);
  for (const X509Ptr& certificate : chain) {
    FAIRLEAD_CHECK(PEM_write_bio_X509(bio.get(), certificate.get()) == 1);
  }
  FAIRLEAD_CHECK(
      PEM_write_bio_PKCS8PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1);
  const char* text = nullptr;
  const auto length = BIO_get_mem_data(bio.get(), &text);
  return std::string(text, static_cast<std::size_t>(length));
}

std::string sha256_hex(const std::string& text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned length = 0;
  FAIRLEAD_CHECK(
      EVP_Digest(text.data(), text.size(), digest.data(), &length, EVP_sha256(), nullptr) == 1);
  static const char* const hex = "0123456789abcdef";
  std::string out;
  for (unsigned i = 0; i < length; ++i) {
    out += hex[digest[i] >> 4];
    out += hex[digest[i] & 15];
  }
  return out;
}

Result<Certificate> parse_certificate(std::string source, const std::string& chain_pem,
                                      const Secret& key_pem) {
  const auto chain = read_chain(chain_pem);
  if (!chain) return chain.error();
  const auto key = read_key(key_pem);
  if (!key) return key.error();
  const X509* leaf = chain->front().get();
  const bool theirs = X509_check_private_key(leaf, key->get()) == 1;
  ERR_clear_error();
  if (!theirs) return invalid("its key is of another certificate than the first one in it");
  Certificate certificate;
  certificate.pem = Secret(pem_of(*chain, key->get()));
  certificate.id = sha256_hex(certificate.pem.reveal()).substr(0, certificate_id_digits);
  certificate.source = std::move(source);
  certificate.names = names_of(leaf);
  certificate.begins = wall(X509_get0_notBefore(leaf));
  certificate.ends = wall(X509_get0_notAfter(leaf));
  return certificate;
}

Lifetime lifetime_of(const Certificate& certificate, Duration now) {
  // ACME renews when a third is left; a sixth before the end that is overdue, of a short one too.
  const Duration sixth = (certificate.ends - certificate.begins) / 6;
  const Duration time_left =
      certificate.acme ? std::min<Duration>(warned_before, sixth) : warned_before;
  const Duration soon = certificate.ends - time_left;
  if (now < certificate.begins) {
    return {"is valid only from " + day_of(certificate.begins) + " on", certificate.begins};
  }
  if (now < soon) return {"", soon};
  const bool ended = now >= certificate.ends;
  const std::string end = (ended ? "ended on " : "ends on ") + day_of(certificate.ends);
  const std::string what = certificate.acme ? ", and its renewal is overdue" : "";
  return {end + what, ended ? Duration(0) : certificate.ends};
}

bool covers(const Certificate& certificate, const std::string& host) {
  const std::string wildcard = wildcard_of(host);
  return std::any_of(certificate.names.begin(), certificate.names.end(),
                     [&](const std::string& name) {
                       return name == host || (!wildcard.empty() && name == wildcard);
                     });
}

Result<CertificatePtr> find_certificate(const std::map<std::string, Secret>& files,
                                        const std::string& host) {
  auto found = find_at(files, own, host);
  if (!found || *found) return found;
  // What the client was cut off in is made anew.
  found = find_at(files, ordered, host);
  if (found && *found) return found;
  const std::string stem = stem_of(host);
  if (file(files, stem + ".key") == nullptr) return CertificatePtr();
  return invalid("file " + stem + ".crt: is not there, and " + stem + ".key is");
}

}  // namespace fairlead::nginx
