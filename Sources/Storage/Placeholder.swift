// placeholder: replaced by the owner of this module
