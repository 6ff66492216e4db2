#pragma once

#include <openssl/pem.h>

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "providers/nginx/openssl.h"
#include "reconciler/call.h"
#include "reconciler/check.h"

// Certificates as others make them: signed by OpenSSL, in all the ways that operators' files come.
namespace fairlead::testing {

struct MadeCertificate {
  nginx::X509Ptr certificate;
  nginx::KeyPtr key;

  std::string crt() const;
  std::string pem_key() const;  // PKCS #8
};

struct Wish {
  std::string common_name = "example.org";
  std::string names;  // as OpenSSL writes them: "DNS:a.example.org,IP:192.0.2.1"; empty: no SAN
  Duration begins = std::chrono::seconds(1'700'000'000);
  Duration ends = std::chrono::seconds(1'800'000'000);
  std::size_t rsa_bits = 0;                 // 0: a P-256 key
  const MadeCertificate* issuer = nullptr;  // null: itself
};

inline nginx::KeyPtr make_key(std::size_t rsa_bits) {
  nginx::KeyPtr key(rsa_bits > 0 ? EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", rsa_bits)
                                 : EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"));
  FAIRLEAD_CHECK(key);
  return key;
}

inline void set_times(X509* certificate, const Wish& wish) {
  using std::chrono::duration_cast;
  using std::chrono::seconds;
  ASN1_TIME_set(X509_getm_notBefore(certificate), duration_cast<seconds>(wish.begins).count());
  ASN1_TIME_set(X509_getm_notAfter(certificate), duration_cast<seconds>(wish.ends).count());
}

inline MadeCertificate make_certificate(const Wish& wish) {
  MadeCertificate made{nginx::X509Ptr(X509_new()), make_key(wish.rsa_bits)};
  X509* certificate = made.certificate.get();
  X509_set_version(certificate, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
  X509_NAME* subject = X509_get_subject_name(certificate);
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(wish.common_name.c_str()), -1,
                             -1, 0);
  X509* issuer = wish.issuer ? wish.issuer->certificate.get() : certificate;
  X509_set_issuer_name(certificate, X509_get_subject_name(issuer));
  set_times(certificate, wish);
  X509_set_pubkey(certificate, made.key.get());
  if (!wish.names.empty()) {
    const nginx::ExtensionPtr names(
        X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, wish.names.c_str()));
    FAIRLEAD_CHECK(names && X509_add_ext(certificate, names.get(), -1) == 1);
  }
  EVP_PKEY* key = wish.issuer ? wish.issuer->key.get() : made.key.get();
  FAIRLEAD_CHECK(X509_sign(certificate, key, EVP_sha256()) > 0);
  return made;
}

// What `write` puts into a BIO.
template <typename Write>
std::string written(Write write) {
  const nginx::BioPtr bio(BIO_new(BIO_s_mem()));
  FAIRLEAD_CHECK(write(bio.get()) == 1);
  const char* text = nullptr;
  const auto length = BIO_get_mem_data(bio.get(), &text);
  return std::string(text, static_cast<std::size_t>(length));
}

inline std::string MadeCertificate::crt() const {
  return written([&](BIO* bio) { return PEM_write_bio_X509(bio, certificate.get()); });
}

inline std::string MadeCertificate::pem_key() const {
  return written([&](BIO* bio) {
    return PEM_write_bio_PrivateKey(bio, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  });
}

}  // namespace fairlead::testing
