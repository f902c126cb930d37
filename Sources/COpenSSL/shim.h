#pragma once
// OpenSSL 3.0 for Crypto. Static inline functions stand in for macros and variadic calls, which Swift cannot import,
// and keep sequences of calls whose intermediate objects nobody else needs.
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static inline EVP_PKEY *sallyport_generate_rsa(size_t bits) {
    return EVP_PKEY_Q_keygen(NULL, NULL, "RSA", bits);
}

static inline EVP_PKEY *sallyport_generate_p256(void) {
    return EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
}

static inline EVP_PKEY *sallyport_generate_ed25519(void) {
    return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
}

// An EVP_PKEY from the parameters that `build` pushes; frees everything else.
static inline EVP_PKEY *sallyport_public_from(const char *type, OSSL_PARAM_BLD *builder) {
    EVP_PKEY *key = NULL;
    OSSL_PARAM *parameters = builder ? OSSL_PARAM_BLD_to_param(builder) : NULL;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    if (parameters && context && EVP_PKEY_fromdata_init(context) == 1) {
        if (EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, parameters) != 1) key = NULL;
    }
    EVP_PKEY_CTX_free(context);
    OSSL_PARAM_free(parameters);
    return key;
}

static inline EVP_PKEY *sallyport_rsa_public(
    const unsigned char *modulus, int modulus_length, const unsigned char *exponent, int exponent_length) {
    BIGNUM *n = BN_bin2bn(modulus, modulus_length, NULL);
    BIGNUM *e = BN_bin2bn(exponent, exponent_length, NULL);
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    EVP_PKEY *key = NULL;
    if (n && e && builder && OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
        OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, e) == 1) {
        key = sallyport_public_from("RSA", builder);
    }
    OSSL_PARAM_BLD_free(builder);
    BN_free(n);
    BN_free(e);
    return key;
}

// `point` is the uncompressed form, 65 bytes; OpenSSL refuses a point that is not on the curve.
static inline EVP_PKEY *sallyport_p256_public(const unsigned char *point, size_t length) {
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    EVP_PKEY *key = NULL;
    if (builder && OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) == 1 &&
        OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, point, length) == 1) {
        key = sallyport_public_from("EC", builder);
    }
    OSSL_PARAM_BLD_free(builder);
    return key;
}

static inline int sallyport_bits(const EVP_PKEY *key) { return EVP_PKEY_get_bits(key); }
static inline int sallyport_is(const EVP_PKEY *key, const char *type) { return EVP_PKEY_is_a(key, type); }

// Big-endian, left-padded to `length` where that is not 0; answers the number of bytes, or -1.
static inline int sallyport_number(const EVP_PKEY *key, const char *name, unsigned char *out, int capacity, int length) {
    BIGNUM *number = NULL;
    int written = -1;
    if (EVP_PKEY_get_bn_param(key, name, &number) == 1) {
        int size = length ? length : BN_num_bytes(number);
        if (size <= capacity) written = BN_bn2binpad(number, out, size);
    }
    BN_free(number);
    return written;
}

// DER to the 64 bytes of RFC 7518 §3.4; 1 on success.
static inline int sallyport_ecdsa_to_raw(const unsigned char *der, long length, unsigned char out[64]) {
    ECDSA_SIG *signature = d2i_ECDSA_SIG(NULL, &der, length);
    int ok = signature && BN_bn2binpad(ECDSA_SIG_get0_r(signature), out, 32) == 32 &&
             BN_bn2binpad(ECDSA_SIG_get0_s(signature), out + 32, 32) == 32;
    ECDSA_SIG_free(signature);
    return ok;
}

// The 64 bytes of RFC 7518 §3.4 to DER; the length, or -1.
static inline int sallyport_ecdsa_to_der(const unsigned char raw[64], unsigned char out[80]) {
    ECDSA_SIG *signature = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(raw, 32, NULL);
    BIGNUM *s = BN_bin2bn(raw + 32, 32, NULL);
    int length = -1;
    if (signature && r && s && ECDSA_SIG_set0(signature, r, s) == 1) {
        r = s = NULL;
        if (i2d_ECDSA_SIG(signature, NULL) <= 80) length = i2d_ECDSA_SIG(signature, &out);
    }
    BN_free(r);
    BN_free(s);
    ECDSA_SIG_free(signature);
    return length;
}

// TLS 1.2 and later, no renegotiation, no compression; buffers are kept only while there is something in them.
static inline SSL_CTX *sallyport_tls_context(int is_server) {
    SSL_CTX *context = SSL_CTX_new(is_server ? TLS_server_method() : TLS_client_method());
    if (!context) return NULL;
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_mode(
        context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    return context;
}

// The one protocol that is served, or a fatal alert where the client has others only (RFC 7301 §3.2).
static inline int sallyport_tls_select_protocol(
    SSL *ssl, const unsigned char **out, unsigned char *out_length, const unsigned char *in, unsigned int in_length,
    void *unused) {
    static const unsigned char served[] = "\x08http/1.1";
    (void)ssl;
    (void)unused;
    int result = SSL_select_next_proto((unsigned char **)out, out_length, served, 9, in, in_length);
    return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

// Stops once where a client wants to see the proof that a name is ours (RFC 8737 §4): it offers that protocol and no other.
// Whoever runs the handshake decides then, and goes on.
static inline int sallyport_tls_hello(SSL *ssl, int *alert, void *unused) {
    static const unsigned char wanted[] = {0, 11, 10, 'a', 'c', 'm', 'e', '-', 't', 'l', 's', '/', '1'};
    const unsigned char *offered;
    size_t length;
    (void)alert;
    (void)unused;
    if (SSL_get_app_data(ssl)) return SSL_CLIENT_HELLO_SUCCESS;
    if (SSL_client_hello_get0_ext(
            ssl, TLSEXT_TYPE_application_layer_protocol_negotiation, &offered, &length) != 1 ||
        length != sizeof wanted || memcmp(offered, wanted, length) != 0) {
        return SSL_CLIENT_HELLO_SUCCESS;
    }
    SSL_set_app_data(ssl, (void *)wanted);
    return SSL_CLIENT_HELLO_RETRY;
}

static inline int sallyport_tls_select_challenge(
    SSL *ssl, const unsigned char **out, unsigned char *out_length, const unsigned char *in, unsigned int in_length,
    void *unused) {
    (void)ssl;
    (void)in_length;
    (void)unused;
    // The hello callback has seen that there is nothing else.
    *out = in + 1;
    *out_length = in[0];
    return SSL_TLSEXT_ERR_OK;
}

// What a server of ours accepts (RFC 9325 §4): ephemeral keys and AEAD alone, in our order. Sessions live in tickets of two
// hours, whose keys live as long as the context; 1 on success.
static inline int sallyport_tls_harden_server(SSL_CTX *context) {
    SSL_CTX_set_options(context, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_timeout(context, 7200);
    SSL_CTX_set_alpn_select_cb(context, sallyport_tls_select_protocol, NULL);
    SSL_CTX_set_client_hello_cb(context, sallyport_tls_hello, NULL);
    return SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20") == 1 &&
           SSL_CTX_set1_groups_list(context, "X25519:P-256:P-384") == 1;
}

// Nobody is asked for the password of a key.
static inline int sallyport_no_password(char *buffer, int size, int is_writing, void *unused) {
    (void)buffer;
    (void)size;
    (void)is_writing;
    (void)unused;
    return -1;
}

// Our certificate and the chain above it, PEM, the certificate first; 1 on success. Nothing may be broken anywhere: half a
// file is none.
static inline int sallyport_tls_use_chain(SSL_CTX *context, const void *pem, int length) {
    BIO *input = BIO_new_mem_buf(pem, length);
    X509 *certificate = input ? PEM_read_bio_X509_AUX(input, NULL, sallyport_no_password, NULL) : NULL;
    int ok = certificate && SSL_CTX_use_certificate(context, certificate) == 1;
    X509_free(certificate);
    while (ok) {
        X509 *above = PEM_read_bio_X509(input, NULL, sallyport_no_password, NULL);
        if (!above) {
            unsigned long error = ERR_peek_last_error();
            ok = ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
            if (ok) ERR_clear_error();
            break;
        }
        ok = SSL_CTX_add0_chain_cert(context, above) == 1;
        if (!ok) X509_free(above);
    }
    BIO_free(input);
    return ok;
}

// The key of that certificate, PEM; 1 on success, 0 when it cannot be read, -1 when it belongs to another certificate.
static inline int sallyport_tls_use_key(SSL_CTX *context, const void *pem, int length) {
    BIO *input = BIO_new_mem_buf(pem, length);
    EVP_PKEY *key = input ? PEM_read_bio_PrivateKey(input, NULL, sallyport_no_password, NULL) : NULL;
    BIO_free(input);
    if (!key) return 0;
    X509 *certificate = SSL_CTX_get0_certificate(context);
    int result = certificate && X509_check_private_key(certificate, key) == 1 ? 1 : -1;
    if (result == 1 && SSL_CTX_use_PrivateKey(context, key) != 1) result = 0;
    EVP_PKEY_free(key);
    return result;
}

// A certificate of our own that proves to a validator that `name` is ours (RFC 8737 §3): `digest` is what it looks for; 1 on
// success. The context serves nothing else.
static inline int sallyport_tls_use_challenge(SSL_CTX *context, const char *name, const unsigned char digest[32]) {
    unsigned char value[34] = {V_ASN1_OCTET_STRING, 32};
    char alternative[300];
    memcpy(value + 2, digest, 32);
    snprintf(alternative, sizeof alternative, "DNS:%s", name);
    EVP_PKEY *key = sallyport_generate_p256();
    X509 *certificate = X509_new();
    ASN1_OBJECT *kind = OBJ_txt2obj("1.3.6.1.5.5.7.1.31", 1);
    ASN1_OCTET_STRING *content = ASN1_OCTET_STRING_new();
    X509_EXTENSION *names = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, alternative);
    X509_EXTENSION *proof = NULL;
    int ok = key && certificate && kind && content && names && ASN1_OCTET_STRING_set(content, value, 34) == 1;
    if (ok) {
        proof = X509_EXTENSION_create_by_OBJ(NULL, kind, 1, content);
        X509_NAME *subject = X509_get_subject_name(certificate);
        ok = proof && X509_set_version(certificate, 2) == 1 &&
             ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1) == 1 &&
             X509_gmtime_adj(X509_getm_notBefore(certificate), -3600) &&
             X509_gmtime_adj(X509_getm_notAfter(certificate), 86400) &&
             X509_NAME_add_entry_by_txt(
                 subject, "CN", MBSTRING_ASC, (const unsigned char *)"ACME challenge", -1, -1, 0) == 1 &&
             X509_set_issuer_name(certificate, subject) == 1 && X509_set_pubkey(certificate, key) == 1 &&
             X509_add_ext(certificate, names, -1) == 1 && X509_add_ext(certificate, proof, -1) == 1 &&
             X509_sign(certificate, key, EVP_sha256()) > 0 && SSL_CTX_use_certificate(context, certificate) == 1 &&
             SSL_CTX_use_PrivateKey(context, key) == 1;
    }
    if (ok) SSL_CTX_set_alpn_select_cb(context, sallyport_tls_select_challenge, NULL);
    X509_EXTENSION_free(proof);
    X509_EXTENSION_free(names);
    ASN1_OCTET_STRING_free(content);
    ASN1_OBJECT_free(kind);
    X509_free(certificate);
    EVP_PKEY_free(key);
    return ok;
}

// A request for a certificate (RFC 2986) as DER, for `names` in OpenSSL's words ("DNS:a,DNS:b"); the length, or -1.
static inline int sallyport_certificate_request(EVP_PKEY *key, const char *names, unsigned char *out, int capacity) {
    int length = -1;
    X509_REQ *request = X509_REQ_new();
    X509_EXTENSION *alternative = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, names);
    STACK_OF(X509_EXTENSION) *extensions = NULL;
    if (request && alternative && X509v3_add_ext(&extensions, alternative, -1) && X509_REQ_set_version(request, 0) == 1 &&
        X509_REQ_set_pubkey(request, key) == 1 && X509_REQ_add_extensions(request, extensions) == 1 &&
        X509_REQ_sign(request, key, EVP_sha256()) > 0) {
        int needed = i2d_X509_REQ(request, NULL);
        if (needed > 0 && needed <= capacity) length = i2d_X509_REQ(request, &out);
    }
    sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
    X509_EXTENSION_free(alternative);
    X509_REQ_free(request);
    return length;
}

// A key as PKCS #8 in PEM, without a password; the length, or -1.
static inline int sallyport_key_pem(EVP_PKEY *key, unsigned char *out, int capacity) {
    int length = -1;
    BIO *output = BIO_new(BIO_s_secmem());
    if (output && PEM_write_bio_PKCS8PrivateKey(output, key, NULL, NULL, 0, NULL, NULL) == 1 &&
        BIO_ctrl_pending(output) <= (size_t)capacity) {
        length = BIO_read(output, out, capacity);
    }
    BIO_free(output);
    return length;
}

// A time of a certificate in seconds since 1970; 1 on success.
static inline int sallyport_seconds(const ASN1_TIME *time, int64_t *seconds) {
    struct tm parts;
    if (!time || ASN1_TIME_to_tm(time, &parts) != 1) return 0;
    *seconds = (int64_t)timegm(&parts);
    return 1;
}

// Whether a certificate is for `host`, a DNS name or an address.
static inline int sallyport_names(X509 *certificate, const char *host) {
    return X509_check_ip_asc(certificate, host, 0) == 1 ||
           X509_check_host(certificate, host, 0, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS, NULL) == 1;
}

// The name that the peer's certificate must carry: an address or a DNS name, the latter also sent as SNI.
static inline int sallyport_tls_expect(SSL *ssl, const char *host) {
    if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1) return 1;
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return SSL_set1_host(ssl, host) == 1 && SSL_set_tlsext_host_name(ssl, host) == 1;
}

// An empty memory BIO means "not yet", never "the end".
static inline BIO *sallyport_memory_bio(void) {
    BIO *bio = BIO_new(BIO_s_mem());
    if (bio) BIO_set_mem_eof_return(bio, -1);
    return bio;
}
